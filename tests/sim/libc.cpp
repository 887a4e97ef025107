// SPDX-License-Identifier: MIT
// The linker leads our programs' file calls here (--wrap): what lies below /sim/ is on a simulated disk, the
// rest is the real one's.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>

#include "disk.hpp"

namespace octo::sim {

namespace {

constexpr int kFirst = 1 << 24;  // far above any descriptor of the system

struct Opened {
  Disk* disk = nullptr;
  std::string path;
  std::shared_ptr<File> file;  // null: a folder
  std::size_t offset = 0;
};

std::vector<std::unique_ptr<Opened>>& table() {
  static std::vector<std::unique_ptr<Opened>> all;
  return all;
}

Opened* opened(int fd) {
  const auto at = static_cast<std::size_t>(fd - kFirst);
  return fd >= kFirst && at < table().size() ? table()[at].get() : nullptr;
}

int refuse(int number) {
  errno = number;
  return -1;
}

int add(Opened what) {
  auto& all = table();
  const auto free = std::ranges::find_if(all, [](const auto& one) { return one == nullptr; });
  const auto at = static_cast<int>(free - all.begin());
  if (free == all.end()) all.emplace_back();
  all[static_cast<std::size_t>(at)] = std::make_unique<Opened>(std::move(what));
  return kFirst + at;
}

int open_on(Disk& disk, const std::string& path, int flags) {
  if (disk.is_folder(path)) return add({&disk, path, nullptr});
  auto file = disk.find(path);
  if (file && (flags & O_EXCL) != 0) return refuse(EEXIST);
  if (!file) {
    if ((flags & O_CREAT) == 0 || !disk.is_folder(path.substr(0, path.rfind('/')))) return refuse(ENOENT);
    if (const int fault = disk.judge(DiskOp::write, path); fault > 0) return refuse(fault);
    file = disk.make(path);
  }
  return add({&disk, path, std::move(file)});
}

ssize_t write_at(Opened& to, const void* bytes, std::size_t count, std::size_t offset) {
  const int fault = to.disk->judge(DiskOp::write, to.path);
  if (fault > 0) return refuse(fault);
  if (fault == 0) to.file->write(offset, BytesView(static_cast<const char*>(bytes), count));
  return static_cast<ssize_t>(count);
}

ssize_t read_at(const Opened& from, void* into, std::size_t count, std::size_t offset) {
  const Bytes& bytes = from.file->bytes();
  if (offset >= bytes.size()) return 0;
  const std::size_t some = std::min(count, bytes.size() - offset);
  std::memcpy(into, bytes.data() + offset, some);
  return static_cast<ssize_t>(some);
}

int sync(Opened& what) {
  const int fault = what.disk->judge(what.file ? DiskOp::sync : DiskOp::sync_folder, what.path);
  if (fault > 0 && what.file) what.file->sync_failed();
  if (fault > 0) return refuse(fault);
  if (fault != 0) return 0;
  if (what.file) what.file->synced();
  else what.disk->sync_folder(what.path);
  return 0;
}

int describe(const File* file, struct stat* into) {
  *into = {};
  into->st_mode = file != nullptr ? S_IFREG | 0600 : S_IFDIR | 0700;
  into->st_size = file != nullptr ? static_cast<off_t>(file->bytes().size()) : 0;
  return 0;
}

int describe_path(Disk& disk, const char* path, struct stat* into) {
  if (disk.is_folder(path)) return describe(nullptr, into);
  const auto file = disk.find(path);
  return file ? describe(file.get(), into) : refuse(ENOENT);
}

}  // namespace

extern "C" {
int __real_open(const char* path, int flags, ...);
int __real_close(int fd);
ssize_t __real_read(int fd, void* into, std::size_t count);
ssize_t __real_write(int fd, const void* bytes, std::size_t count);
ssize_t __real_pread(int fd, void* into, std::size_t count, off_t offset);
ssize_t __real_pwrite(int fd, const void* bytes, std::size_t count, off_t offset);
int __real_ftruncate(int fd, off_t size);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_fstat(int fd, struct stat* into);
int __real_stat(const char* path, struct stat* into);
int __real_lstat(const char* path, struct stat* into);
int __real_chmod(const char* path, mode_t mode);
int __real_fchmod(int fd, mode_t mode);
int __real_flock(int fd, int operation);
int __real_mkdir(const char* path, mode_t mode);
int __real_rename(const char* from, const char* to);
int __real_unlink(const char* path);

int __wrap_open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if (Disk* disk = Disk::of(path)) return open_on(*disk, path, flags);
  return __real_open(path, flags, mode);
}
int __wrap_close(int fd) {
  if (opened(fd) == nullptr) return __real_close(fd);
  table()[static_cast<std::size_t>(fd - kFirst)].reset();
  return 0;
}
ssize_t __wrap_read(int fd, void* into, std::size_t count) {
  Opened* from = opened(fd);
  if (from == nullptr) return __real_read(fd, into, count);
  const ssize_t got = read_at(*from, into, count, from->offset);
  from->offset += static_cast<std::size_t>(got);
  return got;
}
ssize_t __wrap_write(int fd, const void* bytes, std::size_t count) {
  Opened* to = opened(fd);
  if (to == nullptr) return __real_write(fd, bytes, count);
  const ssize_t done = write_at(*to, bytes, count, to->offset);
  if (done > 0) to->offset += static_cast<std::size_t>(done);
  return done;
}
ssize_t __wrap_pread(int fd, void* into, std::size_t count, off_t offset) {
  const Opened* from = opened(fd);
  return from == nullptr ? __real_pread(fd, into, count, offset)
                         : read_at(*from, into, count, static_cast<std::size_t>(offset));
}
ssize_t __wrap_pwrite(int fd, const void* bytes, std::size_t count, off_t offset) {
  Opened* to = opened(fd);
  return to == nullptr ? __real_pwrite(fd, bytes, count, offset)
                       : write_at(*to, bytes, count, static_cast<std::size_t>(offset));
}
int __wrap_ftruncate(int fd, off_t size) {
  Opened* to = opened(fd);
  if (to == nullptr) return __real_ftruncate(fd, size);
  to->file->truncate(static_cast<std::size_t>(size));
  return 0;
}
int __wrap_fsync(int fd) {
  Opened* what = opened(fd);
  return what == nullptr ? __real_fsync(fd) : sync(*what);
}
int __wrap_fdatasync(int fd) {
  Opened* what = opened(fd);
  return what == nullptr ? __real_fdatasync(fd) : sync(*what);
}
int __wrap_fstat(int fd, struct stat* into) {
  const Opened* what = opened(fd);
  return what == nullptr ? __real_fstat(fd, into) : describe(what->file.get(), into);
}
int __wrap_stat(const char* path, struct stat* into) {
  Disk* disk = Disk::of(path);
  return disk == nullptr ? __real_stat(path, into) : describe_path(*disk, path, into);
}
int __wrap_lstat(const char* path, struct stat* into) {
  Disk* disk = Disk::of(path);
  return disk == nullptr ? __real_lstat(path, into) : describe_path(*disk, path, into);
}
int __wrap_chmod(const char* path, mode_t mode) {
  return Disk::of(path) == nullptr ? __real_chmod(path, mode) : 0;
}
int __wrap_fchmod(int fd, mode_t mode) { return opened(fd) == nullptr ? __real_fchmod(fd, mode) : 0; }
int __wrap_flock(int fd, int operation) { return opened(fd) == nullptr ? __real_flock(fd, operation) : 0; }
int __wrap_mkdir(const char* path, mode_t mode) {
  Disk* disk = Disk::of(path);
  if (disk == nullptr) return __real_mkdir(path, mode);
  if (disk->is_folder(path)) return refuse(EEXIST);
  disk->make_folder(path);
  return 0;
}
int __wrap_rename(const char* from, const char* to) {
  Disk* disk = Disk::of(from);
  if (disk == nullptr) return __real_rename(from, to);
  if (const int fault = disk->judge(DiskOp::rename, to); fault > 0) return refuse(fault);
  return disk->rename(from, to) ? 0 : refuse(ENOENT);
}
int __wrap_unlink(const char* path) {
  Disk* disk = Disk::of(path);
  if (disk == nullptr) return __real_unlink(path);
  return disk->remove(path) ? 0 : refuse(ENOENT);
}
}  // extern "C"

}  // namespace octo::sim
