// SPDX-License-Identifier: MIT
// The linker leads our programs' file calls here (--wrap): what lies below /sim/ is on a simulated disk, the
// rest is the real one's. libc_names.cpp has those that work on names, libc_processes.cpp those that are not
// about files.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "handles.hpp"

namespace octo::sim {

namespace {

ssize_t write_at(Handle& to, const void* bytes, std::size_t count, std::size_t offset) {
  if (is_ghost()) return refuse(EIO);
  int fault = to.disk->judge(DiskOp::write, to.path);
  if (is_ghost()) return refuse(EIO);
  if (fault == ENOSPC && offset + count <= to.file->reserved()) fault = 0;
  if (fault > 0) return refuse(fault);
  if (fault == 0) to.file->write(offset, BytesView(static_cast<const char*>(bytes), count));
  return static_cast<ssize_t>(count);
}

ssize_t read_at(const Handle& from, void* into, std::size_t count, std::size_t offset) {
  const Bytes& bytes = from.file->bytes();
  if (offset >= bytes.size()) return 0;
  const std::size_t some = std::min(count, bytes.size() - offset);
  std::memcpy(into, bytes.data() + offset, some);
  return static_cast<ssize_t>(some);
}

int sync(int fd) {
  // The time that it takes is the runner's own; for the others it is part of their job's.
  if (current() != nullptr && current()->fiber) current()->kernel.rest();
  Handle* what = find_handle(fd);
  if (what == nullptr || is_ghost()) return refuse(EIO);
  const bool file = what->kind == Handle::Kind::file;
  const int fault = what->disk->judge(file ? DiskOp::sync : DiskOp::sync_folder, what->path);
  if (is_ghost()) return refuse(EIO);
  if (fault > 0 && file) what->file->sync_failed();
  if (fault > 0) return refuse(fault);
  if (fault != 0) return 0;
  if (file) what->file->synced();
  else what->disk->sync_folder(what->path);
  return 0;
}

}  // namespace

extern "C" {
int __real_close(int fd);
ssize_t __real_read(int fd, void* into, std::size_t count);
ssize_t __real_write(int fd, const void* bytes, std::size_t count);
ssize_t __real_pread(int fd, void* into, std::size_t count, off_t offset);
ssize_t __real_pwrite(int fd, const void* bytes, std::size_t count, off_t offset);
off_t __real_lseek(int fd, off_t offset, int whence);
int __real_ftruncate(int fd, off_t size);
int __real_fallocate(int fd, int mode, off_t offset, off_t size);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_fchmod(int fd, mode_t mode);
int __real_fchown(int fd, uid_t user, gid_t group);
int __real_flock(int fd, int operation);

int __wrap_close(int fd) {
  if (!is_simulated(fd)) return __real_close(fd);
  if (find_handle(fd) == nullptr) return refuse(EBADF);
  close_handle(fd);
  return 0;
}
ssize_t __wrap_read(int fd, void* into, std::size_t count) {
  if (!is_simulated(fd)) return __real_read(fd, into, count);
  Handle* from = find_handle(fd);
  if (from == nullptr) return refuse(EBADF);
  if (!from->file || from->pipe) return read_special(*from, into, count);
  const ssize_t some = read_at(*from, into, count, from->offset);
  from->offset += static_cast<std::size_t>(some);
  return some;
}
ssize_t __wrap_write(int fd, const void* bytes, std::size_t count) {
  if (!is_simulated(fd)) return __real_write(fd, bytes, count);
  Handle* to = find_handle(fd);
  if (to == nullptr) return refuse(EBADF);
  if (!to->file || to->pipe) return write_special(*to, bytes, count);
  if (to->appends) to->offset = to->file->bytes().size();
  const ssize_t written = write_at(*to, bytes, count, to->offset);
  if (written > 0) to->offset += static_cast<std::size_t>(written);
  return written;
}
ssize_t __wrap_pread(int fd, void* into, std::size_t count, off_t offset) {
  if (!is_simulated(fd)) return __real_pread(fd, into, count, offset);
  const Handle* from = find_handle(fd);
  return from == nullptr ? refuse(EBADF) : read_at(*from, into, count, static_cast<std::size_t>(offset));
}
ssize_t __wrap_pwrite(int fd, const void* bytes, std::size_t count, off_t offset) {
  if (!is_simulated(fd)) return __real_pwrite(fd, bytes, count, offset);
  Handle* to = find_handle(fd);
  return to == nullptr ? refuse(EBADF) : write_at(*to, bytes, count, static_cast<std::size_t>(offset));
}
off_t __wrap_lseek(int fd, off_t offset, int whence) {
  if (!is_simulated(fd)) return __real_lseek(fd, offset, whence);
  Handle* of = find_handle(fd);
  if (of == nullptr) return refuse(EBADF);
  const std::size_t from = whence == SEEK_SET   ? 0
                           : whence == SEEK_CUR ? of->offset
                                                : of->file->bytes().size();
  of->offset = from + static_cast<std::size_t>(offset);
  return static_cast<off_t>(of->offset);
}
int __wrap_ftruncate(int fd, off_t size) {
  if (!is_simulated(fd)) return __real_ftruncate(fd, size);
  Handle* to = find_handle(fd);
  if (to == nullptr || is_ghost()) return refuse(EIO);
  to->file->truncate(static_cast<std::size_t>(size));
  return 0;
}
int __wrap_fallocate(int fd, int mode, off_t offset, off_t size) {
  if (!is_simulated(fd)) return __real_fallocate(fd, mode, offset, size);
  Handle* to = find_handle(fd);
  if (to == nullptr || is_ghost()) return refuse(EIO);
  if (const int fault = to->disk->judge(DiskOp::write, to->path); fault > 0) return refuse(fault);
  to->file->reserve(static_cast<std::size_t>(offset + size));
  return 0;
}
int __wrap_fsync(int fd) { return is_simulated(fd) ? sync(fd) : __real_fsync(fd); }
int __wrap_fdatasync(int fd) { return is_simulated(fd) ? sync(fd) : __real_fdatasync(fd); }
int __wrap_fchmod(int fd, mode_t mode) { return is_simulated(fd) ? 0 : __real_fchmod(fd, mode); }
int __wrap_fchown(int fd, uid_t user, gid_t group) {
  return is_simulated(fd) ? 0 : __real_fchown(fd, user, group);
}
int __wrap_flock(int fd, int operation) {
  if (!is_simulated(fd)) return __real_flock(fd, operation);
  Handle* handle = find_handle(fd);
  if (handle == nullptr) return refuse(EBADF);
  if ((operation & LOCK_UN) != 0) return handle->file->release(handle), 0;
  return handle->file->hold(handle) ? 0 : refuse(EWOULDBLOCK);
}
}  // extern "C"

}  // namespace octo::sim
