// SPDX-License-Identifier: MIT
// The Blobs port on a folder of chunks.
#pragma once
#include <memory>
#include <string>

#include "async/workers.hpp"
#include "brain/work/ports.hpp"
#include "io/files/files.hpp"

namespace octo::brain {

class ChunkBlobs final : public Blobs {
 public:
  // `<folder>/chunks` is made when absent.
  static Result<std::unique_ptr<ChunkBlobs>> open(const std::string& folder, Workers& workers);

  Sha256 digest(BytesView bytes) const override;
  Async<Result<std::vector<Sha256>>> missing(const std::vector<Sha256>& hashes) override;
  Async<Result<void>> put(const Sha256& hash, Bytes bytes) override;
  Async<Result<Bytes>> get(const Sha256& hash) override;
  Async<Result<Manifest>> manifest(const Sha256& hash) override;
  Async<Result<void>> sync() override;

 private:
  ChunkBlobs(files::ChunkStore chunks, Workers& workers) : chunks_(std::move(chunks)), workers_(workers) {}

  files::ChunkStore chunks_;
  Workers& workers_;
};

}  // namespace octo::brain
