// SPDX-License-Identifier: MIT
#include "octl/verbs/bundle.hpp"

#include <algorithm>
#include <deque>
#include <fstream>

#include "async/nursery.hpp"
#include "io/crypto/crypto.hpp"
#include "io/files/files.hpp"

namespace octo::octl {

namespace {

constexpr std::size_t kHashesPerQuestion = 10'000;  // 700 KB of JSON
constexpr std::size_t kConnectionsMax = 4;
constexpr std::size_t kBlobsPerConnection = 8;  // fewer are sent before another handshake is done

bool is_below(std::string_view path, std::string_view folder) {
  return path == folder ||
         (path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/');
}

bool belongs(const std::string& path, const Deployment& deployment) {
  if (path == "deployment.yaml" || path == "alias.yaml") return true;
  const auto in = [&](const std::string& folder) {
    return !folder.empty() && (folder == "." || is_below(path, folder) || is_below(folder, path));
  };
  return std::ranges::any_of(deployment.apps, [&](const App& app) {
    if (in(app.script_path) || in(app.source_path)) return true;
    // Scripts that lie in the scenario's folder itself do not bring all that is in it.
    return app.script_path.empty() && std::ranges::any_of(app.scripts, [&](const Script& script) {
             return is_below(script.file, path);
           });
  });
}

// Verified against the manifest: the file may have changed since it was scanned.
Result<Bytes> read_chunk(const std::string& folder, const Bundle::Place& place, const Sha256& hash) {
  Bytes bytes(place.bytes, '\0');
  std::ifstream file(files::join(folder, place.path), std::ios::binary);
  file.seekg(static_cast<std::streamoff>(place.offset));
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file || crypto::sha256(bytes) != hash) {
    return fail(ErrorCode::conflict, "{} was changed while it was being sent; apply again",
                quote(place.path));
  }
  return bytes;
}

Result<Bytes> read_blob(const Bundle& bundle, const Sha256& hash) {
  if (hash == bundle.id) return encode(bundle.manifest);
  const auto place = bundle.chunks.find(hash);
  if (place == bundle.chunks.end())
    return fail(ErrorCode::internal, "the Brain asks for {}, which is not in the bundle", print_hex(hash));
  return read_chunk(bundle.folder, place->second, hash);
}

using Queue = std::deque<Sha256>;

Async<Result<void>> send_first(Session& session, const Bundle& bundle, Queue& queue) {
  while (!queue.empty()) {
    const Sha256 hash = queue.front();
    queue.pop_front();
    const Bytes blob = OCTO_CO_TRY(read_blob(bundle, hash));
    OCTO_CO_TRY(co_await session.call([&](client::Brain& brain) { return brain.put_blob(hash, blob); }));
  }
  co_return Result<void>();
}

// A connection beside the first. Whatever it cannot send it leaves to that one, which tells why if it cannot
// either.
Async<void> send_beside(Session& session, const Bundle& bundle, Queue& queue) {
  auto brain = co_await session.another();
  while (brain && !queue.empty()) {
    const Sha256 hash = queue.front();
    queue.pop_front();
    auto blob = read_blob(bundle, hash);
    if (blob && co_await (*brain)->put_blob(hash, std::move(*blob))) continue;
    queue.push_back(hash);
    break;
  }
}

Async<Result<void>> send_all(Session& session, const Bundle& bundle, Queue& queue) {
  const std::size_t helpers = std::min(kConnectionsMax - 1, queue.size() / kBlobsPerConnection);
  co_return co_await in_nursery([&](Nursery& nursery) -> Async<Result<void>> {
    for (std::size_t i = 0; i < helpers; ++i) nursery.spawn(send_beside(session, bundle, queue));
    OCTO_CO_TRY(co_await send_first(session, bundle, queue));
    co_await nursery.join();
    co_return co_await send_first(session, bundle, queue);
  });
}

}  // namespace

Result<Bundle> read_bundle(const std::string& folder, const Deployment& deployment) {
  Bundle bundle{.folder = folder};
  bundle.manifest =
      OCTO_TRY(files::scan({.root = folder,
                            .wanted = [&](const std::string& path) { return belongs(path, deployment); },
                            .sink = nullptr})
                   .with(fmt::format("read {}", quote(folder))));
  for (const App& app : deployment.apps) {
    // What lands on a node is this part of the tree, and a symlink must not lead out of it.
    if (!app.source_path.empty())
      OCTO_TRY(check(below(bundle.manifest, app.source_path))
                   .with(fmt::format("below {}", quote(app.source_path))));
  }
  bundle.id = crypto::sha256(encode(bundle.manifest));
  for (const ManifestEntry& entry : bundle.manifest.entries) {
    std::uint64_t offset = 0;
    for (const Chunk& chunk : entry.chunks) {
      bundle.chunks.try_emplace(chunk.hash,
                                Bundle::Place{.path = entry.path, .offset = offset, .bytes = chunk.bytes});
      offset += chunk.bytes;
    }
  }
  return bundle;
}

Async<Result<void>> upload(Session& session, const Bundle& bundle) {
  std::vector<Sha256> all;
  for (const auto& [hash, place] : bundle.chunks) all.push_back(hash);
  all.push_back(bundle.id);
  Queue missing;
  for (std::size_t at = 0; at < all.size(); at += kHashesPerQuestion) {
    const auto part = std::span(all).subspan(at, std::min(kHashesPerQuestion, all.size() - at));
    const api::Hashes asked{.hashes = {part.begin(), part.end()}};
    const auto answer =
        OCTO_CO_TRY(co_await session.call([&](client::Brain& brain) { return brain.missing(asked); }));
    missing.insert(missing.end(), answer.hashes.begin(), answer.hashes.end());
  }
  if (!missing.empty())
    OCTO_CO_TRY((co_await send_all(session, bundle, missing)).with("send the scenario's files"));
  co_return Result<void>();
}

}  // namespace octo::octl
