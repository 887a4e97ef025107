// SPDX-License-Identifier: MIT
#include "tentacle/workspace/workspace.hpp"

#include <algorithm>
#include <map>

#include "domain/limits.hpp"
#include "io/crypto/crypto.hpp"
#include "io/files/beneath.hpp"
#include "io/files/files.hpp"
#include "io/log/log.hpp"
#include "io/vcs/vcs.hpp"
#include "tentacle/workspace/versions.hpp"

namespace octo::tentacle {

namespace {

constexpr std::string_view kAside = ".octopoda";  // no nodeapp's name: it has no '@'
// One request, held in memory: as many bytes, and what the link asks for at once.
constexpr std::size_t kBytesAsked = 2 * 1024 * 1024, kChunksAsked = 256;

std::string chunks_of(const std::string& folder) { return files::join(staging_of(folder), "chunks"); }
std::string description_of(const std::string& folder) { return files::join(folder, ".git/description"); }

NodeAppVersion version_of(vcs::Commit commit) {
  return {std::move(commit.id), std::move(commit.message), commit.made};
}

// Whether it is there. A symlink or a file in its place is refused: what we do in it would happen elsewhere.
Result<bool> there(const std::string& folder) {
  const auto found = OCTO_TRY(files::look(folder));
  if (!found || found->kind == files::Facts::Kind::folder) return found.has_value();
  return fail(ErrorCode::forbidden, "{} is no folder, and nodeapps live in folders; move it away", folder);
}

// Where the app's present files may hold a chunk that is wanted: what was placed last, if nobody changed it
// since.
class Present {
 public:
  Present(std::string folder, const Manifest& placed) : folder_(std::move(folder)) {
    for (const ManifestEntry& entry : placed.entries) {
      std::uint64_t offset = 0;
      for (const Chunk& chunk : entry.chunks) {
        places_.try_emplace(chunk.hash, Place{&entry.path, offset});
        offset += chunk.bytes;
      }
    }
  }
  std::optional<Bytes> find(const Chunk& chunk) const {
    const auto place = places_.find(chunk.hash);
    if (place == places_.end()) return std::nullopt;
    const files::Descriptor root(::open(folder_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto file = files::open_beneath(root.get(), *place->second.path, O_RDONLY | O_NONBLOCK);
    Bytes bytes(chunk.bytes, '\0');
    if (!file) return std::nullopt;
    const ssize_t count =
        ::pread(file->get(), bytes.data(), bytes.size(), static_cast<off_t>(place->second.offset));
    if (count != static_cast<ssize_t>(bytes.size()) || crypto::sha256(bytes) != chunk.hash)
      return std::nullopt;
    return bytes;
  }

 private:
  struct Place {
    const std::string* path;
    std::uint64_t offset;
  };
  std::string folder_;
  std::map<Sha256, Place> places_;
};

// One sync's view of a folder, between the waits for the Brain. Blocking.
struct Syncing {
  Syncing(std::string folder_, files::ChunkStore store_, std::optional<Manifest> before_)
      : folder(std::move(folder_)),
        store(std::move(store_)),
        before(std::move(before_).value_or(Manifest{})),
        present(folder, before) {}
  Syncing(const Syncing&) = delete;
  Syncing& operator=(const Syncing&) = delete;

  static Result<std::unique_ptr<Syncing>> open(const std::string& folder) {
    // First of all: what a crash interrupted decides which files are there.
    OCTO_TRY(open_finished(folder, vcs::Age::old));
    auto store = OCTO_TRY(files::ChunkStore::open(chunks_of(folder)));
    return std::make_unique<Syncing>(folder, std::move(store), OCTO_TRY(files::placed(staging_of(folder))));
  }
  // By request.
  std::vector<std::vector<Sha256>> missing(const Manifest& wanted) const {
    std::set<Sha256> seen;
    std::vector<std::vector<Sha256>> requests;
    std::size_t bytes = kBytesAsked;  // of the last of them
    for (const ManifestEntry& entry : wanted.entries) {
      for (const Chunk& chunk : entry.chunks) {
        if (!seen.insert(chunk.hash).second || store.has(chunk.hash) || present.find(chunk)) continue;
        if (bytes >= kBytesAsked || requests.back().size() >= kChunksAsked) {
          requests.emplace_back();
          bytes = 0;
        }
        requests.back().push_back(chunk.hash);
        bytes += chunk.bytes;
      }
    }
    return requests;
  }
  Result<void> place(const Manifest& manifest, const std::string& description) {
    files::ChunkContents contents([this](const Chunk& wanted) -> Result<Bytes> {
      if (store.has(wanted.hash)) return store.get(wanted.hash);
      if (auto bytes = present.find(wanted)) return std::move(*bytes);
      return fail(ErrorCode::unavailable, "a file changed while it was read; try again");
    });
    OCTO_TRY(files::save(description_of(folder), description + "\n", 0644));
    OCTO_TRY(files::place({folder, staging_of(folder), &manifest, &contents}));
    return files::remove_tree(chunks_of(folder));
  }

  std::string folder;
  files::ChunkStore store;
  Manifest before;
  Present present;
};

}  // namespace

class GitWorkspace::Turn {
 public:
  Turn(GitWorkspace& workspace, AppAt app) : workspace_(&workspace), app_(std::move(app)) {}
  Turn(Turn&& other) noexcept
      : workspace_(std::exchange(other.workspace_, nullptr)), app_(std::move(other.app_)) {}
  Turn& operator=(Turn&&) = delete;
  ~Turn() {
    if (workspace_ == nullptr) return;
    workspace_->taken_.erase(app_);
    workspace_->freed_.set();
  }

 private:
  GitWorkspace* workspace_;
  AppAt app_;
};

GitWorkspace::GitWorkspace(std::string root, Workers& workers, Executor executor)
    : root_(std::move(root)), workers_(workers), freed_(std::move(executor)) {}

Result<std::unique_ptr<GitWorkspace>> GitWorkspace::open(std::string root, Workers& workers,
                                                         Executor executor) {
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  OCTO_TRY(files::make_folders(root, 0755).with("open the workspace"));
  std::unique_ptr<GitWorkspace> workspace(new GitWorkspace(std::move(root), workers, std::move(executor)));
  OCTO_TRY(files::remove_tree(workspace->aside()).with("open the workspace"));
  OCTO_TRY(workspace->finish_interrupted().with("open the workspace"));
  return workspace;
}

// What the agent before this one was killed in. One app that cannot be finished hinders no other: whoever
// works on it is told.
Result<void> GitWorkspace::finish_interrupted() const {
  for (const std::string& name : OCTO_TRY(files::list(root_))) {
    const auto app = parse_app_at(name);
    if (!app || !folder_of(*app)) continue;
    if (const auto opened = open_finished(path_of(*app), vcs::Age::any); !opened)
      log::warning("nodeapp {}: {}", name, opened.error().message());
  }
  return {};
}

std::string GitWorkspace::path_of(const AppAt& app) const { return files::join(root_, print(app)); }
std::string GitWorkspace::aside() const { return files::join(root_, kAside); }

Async<GitWorkspace::Turn> GitWorkspace::take(AppAt app) {
  while (taken_.contains(app)) co_await freed_.wait();
  taken_.insert(app);
  co_return Turn(*this, std::move(app));
}

Result<std::string> GitWorkspace::folder_of(const AppAt& app) const {
  const std::string folder = path_of(app);
  if (OCTO_TRY(there(folder)) && OCTO_TRY(there(staging_of(folder)))) return folder;
  return fail(ErrorCode::conflict,
              "nodeapp {} is not prepared on this node; apply the scenario's target prepare",
              quote(print(app)));
}

Result<std::string> GitWorkspace::make_folder(const AppAt& app) const {
  std::string folder = path_of(app);
  if (OCTO_TRY(there(folder))) {
    OCTO_TRY(vcs::Repository::open(folder));
    return folder;
  }
  const std::string fresh = files::join(aside(), print(app));
  OCTO_TRY(files::remove_tree(fresh));
  OCTO_TRY(files::make_folders(aside()));
  OCTO_TRY(files::make_folders(fresh, 0755));
  OCTO_TRY(vcs::Repository::open(fresh));
  // libgit2 does not sync the settings and the HEAD of a new repository.
  const files::Descriptor opened(::open(fresh.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  OCTO_TRY(files::sync_file_system(opened, fresh));
  if (::rename(fresh.c_str(), folder.c_str()) != 0) return files::failed("make", folder);
  OCTO_TRY(files::sync_folder(root_));
  return folder;
}

Async<Result<void>> GitWorkspace::sync(const SyncOrder& order, Source& source) {
  const Turn turn = co_await take(order.app);
  const Manifest wanted = OCTO_CO_TRY(co_await source.manifest(order.manifest));
  const auto syncing = OCTO_CO_TRY(co_await workers_.run(
      [&]() -> Result<std::unique_ptr<Syncing>> { return Syncing::open(OCTO_TRY(make_folder(order.app))); }));
  const auto missing = co_await workers_.run([&] { return syncing->missing(wanted); });
  for (const std::vector<Sha256>& asked : missing) {
    std::map<Sha256, Bytes> arrived;
    const auto fetched =
        co_await source.chunks(asked, [&](const Sha256& hash, BytesView bytes) -> Result<void> {
          arrived.emplace(hash, bytes);
          return {};
        });
    // Also when the rest did not come: the next sync goes on from here.
    OCTO_CO_TRY(co_await workers_.run([&]() -> Result<void> {
      for (const auto& [hash, bytes] : arrived) OCTO_TRY(syncing->store.put(hash, bytes));
      return {};
    }));
    OCTO_CO_TRY(fetched);
  }
  co_return co_await workers_.run(
      [&] { return syncing->place(wanted, order.description).with(print(order.app)); });
}

Async<Result<NodeAppVersion>> GitWorkspace::commit(const CommitOrder& order, const Operation& operation) {
  const Turn turn = co_await take(order.app);
  co_return co_await workers_.run([&]() -> Result<NodeAppVersion> {
    const std::string folder = OCTO_TRY(folder_of(order.app));
    return version_of(OCTO_TRY(make_version(folder, {order.message, operation.id, operation.now})));
  });
}

Async<Result<NodeAppVersion>> GitWorkspace::reset(const ResetOrder& order, const Operation& operation) {
  const Turn turn = co_await take(order.app);
  co_return co_await workers_.run([&]() -> Result<NodeAppVersion> {
    const std::string folder = OCTO_TRY(folder_of(order.app));
    return version_of(OCTO_TRY(reset_to(folder, order.commit, {order.message, operation.id, operation.now})));
  });
}

// Out of sight in one step; a crash leaves the rest to open().
Result<void> GitWorkspace::remove_folder(const AppAt& app) const {
  const std::string folder = path_of(app), gone = files::join(aside(), print(app));
  if (!OCTO_TRY(there(folder))) return {};
  OCTO_TRY(files::make_folders(aside()));
  OCTO_TRY(files::remove_tree(gone));
  if (::rename(folder.c_str(), gone.c_str()) != 0) return files::failed("remove", folder);
  OCTO_TRY(files::sync_folder(root_));
  return files::remove_tree(gone);
}

Async<Result<void>> GitWorkspace::remove(const RemoveOrder& order) {
  const Turn turn = co_await take(order.app);
  co_return co_await workers_.run([&] { return remove_folder(order.app); });
}

Result<NodeAppInfo> GitWorkspace::describe(const AppAt& app, std::uint64_t offset,
                                           std::uint64_t limit) const {
  NodeAppInfo info{.app = app, .path = OCTO_TRY(folder_of(app))};
  if (const auto text = files::load(description_of(info.path), limits::description_bytes_max + 1))
    info.description = trim(*text);
  const auto repository = OCTO_TRY(vcs::Repository::open(info.path));
  info.modified = OCTO_TRY(repository->modified());
  info.version_count = OCTO_TRY(repository->count());
  for (vcs::Commit& commit : OCTO_TRY(repository->log(offset, limit)))
    info.versions.push_back(version_of(std::move(commit)));
  return info;
}

Async<Result<std::vector<NodeAppInfo>>> GitWorkspace::apps() {
  co_return co_await workers_.run([&]() -> Result<std::vector<NodeAppInfo>> {
    std::vector<NodeAppInfo> infos;
    for (const std::string& name : OCTO_TRY(files::list(root_))) {
      const auto app = parse_app_at(name);
      if (!app || !folder_of(*app)) continue;  // not ours
      auto info = describe(*app, 0, 1);
      if (!info) {
        // One that is broken hides no other.
        log::warning("nodeapp {}: {}", name, info.error().message());
        info = NodeAppInfo{
            .app = *app, .description = "cannot be read: " + info.error().message(), .path = path_of(*app)};
      }
      infos.push_back(std::move(*info));
    }
    return infos;
  });
}

Async<Result<NodeAppInfo>> GitWorkspace::app(const AppAt& app, std::uint64_t offset, std::uint64_t limit) {
  co_return co_await workers_.run([&] { return describe(app, offset, limit); });
}

}  // namespace octo::tentacle
