// SPDX-License-Identifier: MIT
#include "brain/blobs/blobs.hpp"

#include "io/crypto/crypto.hpp"

namespace octo::brain {

Result<std::unique_ptr<ChunkBlobs>> ChunkBlobs::open(const std::string& folder, Workers& workers) {
  OCTO_TRY(files::make_folders(folder + "/chunks"));
  auto chunks = OCTO_TRY(files::ChunkStore::open(folder + "/chunks").with("open the blobs"));
  return std::unique_ptr<ChunkBlobs>(new ChunkBlobs(std::move(chunks), workers));
}

Sha256 ChunkBlobs::digest(BytesView bytes) const { return crypto::sha256(bytes); }

Async<Result<std::vector<Sha256>>> ChunkBlobs::missing(const std::vector<Sha256>& hashes) {
  co_return co_await workers_.run([&]() -> Result<std::vector<Sha256>> {
    std::vector<Sha256> absent;
    for (const Sha256& hash : hashes) {
      if (!chunks_.has(hash)) absent.push_back(hash);
    }
    return absent;
  });
}

Async<Result<void>> ChunkBlobs::put(const Sha256& hash, Bytes bytes) {
  co_return co_await workers_.run([&] { return chunks_.put(hash, bytes); });
}

Async<Result<Bytes>> ChunkBlobs::get(const Sha256& hash) {
  co_return co_await workers_.run([&] { return chunks_.get(hash); });
}

Async<Result<Manifest>> ChunkBlobs::manifest(const Sha256& hash) {
  co_return co_await workers_.run(
      [&]() -> Result<Manifest> { return decode_manifest(OCTO_TRY(chunks_.get(hash))); });
}

Async<Result<void>> ChunkBlobs::sync() {
  co_return co_await workers_.run([&] { return chunks_.sync(); });
}

}  // namespace octo::brain
