// SPDX-License-Identifier: MIT
#include "runner/secrets.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.hpp"

namespace octo::runner {

namespace {

constexpr std::size_t kAllBytesMax = 2 * 1024 * 1024;  // more than an order can hold

Failure no_room(const char* label) {
  return fail(ErrorCode::exhausted, "hold {} in memory: {}", label, std::strerror(errno));
}

bool give(const MemoryFile& file, const std::optional<User>& user) {
  if (user && ::fchown(file.fd(), user->uid, user->gid) != 0) return false;
  return ::fchmod(file.fd(), 0400) == 0;
}

// Locked by us as long as we live; the pages of a file are not ours alone.
void keep_in_memory(const MemoryFile& file, std::size_t bytes) {
  void* pages = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file.fd(), 0);
  if (pages != MAP_FAILED) (void)::mlock(pages, bytes);
}

std::expected<Bytes, Exit> read_all() {
  struct stat facts{};
  const MemoryFile file(kSecretsFd);
  const bool ours = ::fstat(file.fd(), &facts) == 0 && S_ISREG(facts.st_mode);
  if (!ours || facts.st_size > static_cast<off_t>(kAllBytesMax)) return std::unexpected(Exit::secrets);
  Bytes bytes(static_cast<std::size_t>(facts.st_size), '\0');
  if (::pread(file.fd(), bytes.data(), bytes.size(), 0) != facts.st_size)
    return std::unexpected(Exit::secrets);
  return bytes;
}

}  // namespace

Result<MemoryFile> MemoryFile::make(const char* label, BytesView bytes) {
  MemoryFile file(::memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (file.fd() < 0) return no_room(label);
  for (BytesView left = bytes; !left.empty();) {
    const ssize_t wrote = ::write(file.fd(), left.data(), left.size());
    if (wrote <= 0) return no_room(label);
    left.remove_prefix(static_cast<std::size_t>(wrote));
  }
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  if (::fcntl(file.fd(), F_ADD_SEALS, kSeals) != 0) return no_room(label);
  return file;
}

MemoryFile::MemoryFile(MemoryFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

MemoryFile::~MemoryFile() {
  if (fd_ >= 0) ::close(fd_);
}

void put_secret(Bytes& out, BytesView value) {
  put_u32(out, static_cast<std::uint32_t>(value.size()));
  out.append(value);
}

std::string secret_path(std::size_t index) {
  return fmt::format("/dev/fd/{}", kSecretFdFirst + static_cast<int>(index));
}

std::expected<std::vector<MemoryFile>, Exit> take_secrets(const Intent& intent) {
  std::vector<MemoryFile> files;
  if (intent.secrets.empty()) return files;
  auto all = read_all();
  if (!all) return std::unexpected(all.error());
  BytesView left = *all;
  while (files.size() < intent.secrets.size() && left.size() >= sizeof(std::uint32_t)) {
    const std::size_t bytes = get_unsigned<std::uint32_t>(left);
    left.remove_prefix(sizeof(std::uint32_t));
    if (bytes > left.size()) break;
    auto file = MemoryFile::make("secret", left.substr(0, bytes));
    if (!file || !give(*file, intent.user)) break;
    keep_in_memory(*file, bytes);
    files.push_back(std::move(*file));
    left.remove_prefix(bytes);
  }
  wipe(*all);
  if (files.size() != intent.secrets.size()) return std::unexpected(Exit::secrets);
  return files;
}

}  // namespace octo::runner
