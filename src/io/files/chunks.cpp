// SPDX-License-Identifier: MIT
#include <sys/stat.h>

#include "domain/limits.hpp"
#include "io/crypto/crypto.hpp"
#include "io/files/beneath.hpp"
#include "io/files/files.hpp"

namespace octo::files {

namespace {

constexpr std::size_t kBlobMax = limits::manifest_bytes_max;  // manifests are kept like chunks

std::string path_of(const std::string& folder, const Sha256& hash) {
  const std::string hex = print_hex(hash);
  return fmt::format("{}/{}/{}", folder, hex.substr(0, 2), hex.substr(2));
}

}  // namespace

Result<ChunkStore> ChunkStore::open(std::string folder) {
  OCTO_TRY(make_folders(folder).with("open the chunk store"));
  auto open = std::make_shared<Descriptor>(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!open->good()) return failed("open", folder);
  return ChunkStore(std::move(folder), std::move(open));
}

bool ChunkStore::has(const Sha256& hash) const { return exists(path_of(folder_, hash)); }

Result<void> ChunkStore::put(const Sha256& hash, BytesView bytes) {
  if (bytes.size() > kBlobMax)
    return fail(ErrorCode::too_large, "blob {} is over {} bytes", print_hex(hash), kBlobMax);
  if (crypto::sha256(bytes) != hash)
    return fail(ErrorCode::invalid_argument, "the bytes do not fit hash {}", print_hex(hash));
  const std::string path = path_of(folder_, hash);
  if (exists(path)) return {};
  const std::string folder = path.substr(0, path.rfind('/'));
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return failed("make folder", folder);
  // The temp file carries the process id, so that two of one store never meet; sync() makes it durable.
  const std::string temp = fmt::format("{}.{}.tmp", path, ::getpid());
  ::unlink(temp.c_str());
  {
    const Descriptor file(::open(temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.good()) return failed("make", temp);
    if (auto written = write_all(file.get(), bytes, temp); !written) {
      ::unlink(temp.c_str());
      return written;
    }
  }
  if (::rename(temp.c_str(), path.c_str()) != 0) return failed("keep chunk", path);
  return {};
}

Result<Bytes> ChunkStore::get(const Sha256& hash) const {
  const std::string path = path_of(folder_, hash);
  Bytes bytes = OCTO_TRY(load(path, kBlobMax).with(fmt::format("chunk {}", print_hex(hash))));
  // Torn by a crash before sync(), or by the disk: as good as absent, and said so.
  if (crypto::sha256(bytes) != hash) {
    ::unlink(path.c_str());
    return fail(ErrorCode::corrupt,
                "chunk {} does not fit its hash any more; it was removed and can be sent again",
                print_hex(hash));
  }
  return bytes;
}

Result<void> ChunkStore::sync() { return sync_file_system(*open_, folder_); }

}  // namespace octo::files
