// SPDX-License-Identifier: MIT
// Calls that work on names of files, below /sim/ or a folder of it that is open. Of what the system tells in
// files there is only what the product asks: the boot id, and the environment of a process.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <list>

#include "base/text.hpp"
#include "handles.hpp"

namespace octo::sim {

namespace {

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

struct Place {
  Disk* disk = nullptr;  // nullptr: none of ours
  std::string path;
};

Place place_of(const char* path) { return {Disk::of(path), path}; }

// `name` may be "..", or begin with it, as the FIFO beside a run's folder does.
Place place_at(int folder, const char* name) {
  if (!is_simulated(folder)) return place_of(name);
  const Handle* in = find_handle(folder);
  if (in == nullptr) return {};
  std::string_view rest = name;
  std::string path = in->path;
  if (rest == "..") return {in->disk, folder_of(path)};
  for (; rest.starts_with("../"); rest.remove_prefix(3)) path = folder_of(path);
  return {in->disk, fmt::format("{}/{}", path, rest)};
}

int open_fifo(Disk& disk, const std::string& path, std::shared_ptr<File> file, int flags) {
  Handle handle{.disk = &disk, .path = path, .file = file, .pipe = file->pipe};
  const int how = flags & O_ACCMODE;
  handle.kind = how == O_RDWR     ? Handle::Kind::both
                : how == O_RDONLY ? Handle::Kind::reads
                                  : Handle::Kind::writes;
  if (handle.kind == Handle::Kind::writes && file->pipe->readers == 0) return refuse(ENXIO);
  if (handle.reads()) {
    ++file->pipe->readers;
    file->pipe->reader = current();
  }
  if (handle.writes()) ++file->pipe->writers;
  return add_handle(std::move(handle));
}

int open_on(const Place& place, int flags) {
  // A runner that makes something alone may have to wait for the disk, and others act meanwhile.
  if ((flags & O_EXCL) != 0 && current() != nullptr && current()->fiber) current()->kernel.rest();
  if (is_ghost()) return refuse(EIO);
  auto& [disk, path] = place;
  if (disk->is_folder(path)) return add_handle({.kind = Handle::Kind::folder, .disk = disk, .path = path});
  auto file = disk->find(path);
  if (file && (flags & O_EXCL) != 0 && disk->excludes(path)) return refuse(EEXIST);
  if (file && (flags & O_DIRECTORY) != 0) return refuse(ENOTDIR);
  if (file && file->kind() == File::Kind::fifo) return open_fifo(*disk, path, std::move(file), flags);
  if (!file) {
    if ((flags & O_CREAT) == 0 || !disk->is_folder(folder_of(path))) return refuse(ENOENT);
    if (const int fault = disk->judge(DiskOp::write, path); fault > 0) return refuse(fault);
    if (is_ghost()) return refuse(EIO);
    file = disk->make(path);
  }
  if ((flags & O_TRUNC) != 0 && !file->bytes().empty()) file->truncate(0);
  return add_handle(
      {.disk = disk, .path = path, .file = std::move(file), .appends = (flags & O_APPEND) != 0});
}

// What the machine of the process at work tells of itself; nothing for other files.
std::optional<Bytes> told_by_system(std::string_view path) {
  const Process* asking = current();
  if (asking == nullptr || !path.starts_with("/proc/")) return std::nullopt;
  if (path == "/proc/sys/kernel/random/boot_id") return asking->kernel.boot_id() + "\n";
  if (!path.ends_with("/environ")) return std::nullopt;
  const auto pid = parse_number(split(std::string(path), '/').at(2));
  const Process* of = pid ? asking->kernel.find(static_cast<pid_t>(*pid)) : nullptr;
  return of == nullptr ? Bytes() : of->environment;
}

int open_told(Bytes bytes) {
  Handle handle{.file = std::make_shared<File>()};
  handle.file->write(0, bytes);
  return add_handle(std::move(handle));
}

int describe(const File* file, struct stat* into) {
  *into = {};
  const auto kind = file == nullptr ? File::Kind::folder : file->kind();
  into->st_mode = kind == File::Kind::file   ? S_IFREG | 0600
                  : kind == File::Kind::fifo ? S_IFIFO | 0600
                                             : S_IFDIR | 0700;
  into->st_size = file != nullptr ? static_cast<off_t>(file->bytes().size()) : 0;
  return 0;
}

int describe_place(const Place& place, struct stat* into) {
  if (place.disk->is_folder(place.path)) return describe(nullptr, into);
  const auto file = place.disk->find(place.path);
  return file ? describe(file.get(), into) : refuse(ENOENT);
}

int make_on(const Place& place, File::Kind kind) {
  if (is_ghost()) return refuse(EIO);
  if (place.disk->is_folder(place.path) || place.disk->find(place.path)) return refuse(EEXIST);
  if (!place.disk->is_folder(folder_of(place.path))) return refuse(ENOENT);
  if (const int fault = place.disk->judge(DiskOp::write, place.path); fault > 0) return refuse(fault);
  if (is_ghost()) return refuse(EIO);
  place.disk->make(place.path, kind);
  return 0;
}

int remove_on(const Place& place, bool folder) {
  if (is_ghost()) return refuse(EIO);
  if (place.disk->is_folder(place.path) != folder) return refuse(folder ? ENOTDIR : EISDIR);
  if (folder && !place.disk->list(place.path).empty()) return refuse(ENOTEMPTY);
  return place.disk->remove(place.path) ? 0 : refuse(ENOENT);
}

struct Listing {
  int fd = -1;
  const Place place;
  std::vector<std::string> names;
  std::size_t next = 0;
  dirent entry{};
};

// The listings that are open; a DIR* of ours points to one of them.
std::list<Listing>& listings() {
  static std::list<Listing> all;
  return all;
}

Listing* find_listing(DIR* folder) {
  for (Listing& one : listings()) {
    if (static_cast<void*>(&one) == static_cast<void*>(folder)) return &one;
  }
  return nullptr;
}

DIR* list_handle(int fd) {
  const Handle* folder = find_handle(fd);
  if (folder == nullptr || folder->kind != Handle::Kind::folder) return refuse(ENOTDIR), nullptr;
  listings().push_back({fd, {folder->disk, folder->path}, folder->disk->list(folder->path)});
  return static_cast<DIR*>(static_cast<void*>(&listings().back()));
}

}  // namespace

extern "C" {
int __real_open(const char* path, int flags, ...);
int __real_openat(int folder, const char* name, int flags, ...);
int __real_fstat(int fd, struct stat* into);
int __real_stat(const char* path, struct stat* into);
int __real_lstat(const char* path, struct stat* into);
int __real_chmod(const char* path, mode_t mode);
int __real_fchmodat(int folder, const char* name, mode_t mode, int flags);
int __real_mkdir(const char* path, mode_t mode);
int __real_mkdirat(int folder, const char* name, mode_t mode);
int __real_mkfifo(const char* path, mode_t mode);
int __real_rename(const char* from, const char* to);
int __real_unlink(const char* path);
int __real_unlinkat(int folder, const char* name, int flags);
int __real_remove(const char* path);
DIR* __real_opendir(const char* path);
DIR* __real_fdopendir(int fd);
dirent* __real_readdir(DIR* folder);
int __real_dirfd(DIR* folder);
int __real_closedir(DIR* folder);
int __wrap_close(int fd);

int __wrap_open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if (const Place place = place_of(path); place.disk != nullptr) return open_on(place, flags);
  if (auto told = told_by_system(path)) return open_told(std::move(*told));
  return __real_open(path, flags, mode);
}
int __wrap_openat(int folder, const char* name, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if (const Place place = place_at(folder, name); place.disk != nullptr) return open_on(place, flags);
  return is_simulated(folder) ? refuse(EBADF) : __real_openat(folder, name, flags, mode);
}
int __wrap_fstat(int fd, struct stat* into) {
  if (!is_simulated(fd)) return __real_fstat(fd, into);
  const Handle* what = find_handle(fd);
  return what == nullptr ? refuse(EBADF) : describe(what->file.get(), into);
}
int __wrap_stat(const char* path, struct stat* into) {
  const Place place = place_of(path);
  return place.disk == nullptr ? __real_stat(path, into) : describe_place(place, into);
}
int __wrap_lstat(const char* path, struct stat* into) {
  const Place place = place_of(path);
  return place.disk == nullptr ? __real_lstat(path, into) : describe_place(place, into);
}
int __wrap_chmod(const char* path, mode_t mode) {
  return Disk::of(path) == nullptr ? __real_chmod(path, mode) : 0;
}
int __wrap_fchmodat(int folder, const char* name, mode_t mode, int flags) {
  return is_simulated(folder) ? 0 : __real_fchmodat(folder, name, mode, flags);
}
int __wrap_mkdir(const char* path, mode_t mode) {
  const Place place = place_of(path);
  return place.disk == nullptr ? __real_mkdir(path, mode) : make_on(place, File::Kind::folder);
}
int __wrap_mkdirat(int folder, const char* name, mode_t mode) {
  if (!is_simulated(folder)) return __real_mkdirat(folder, name, mode);
  const Place place = place_at(folder, name);
  return place.disk == nullptr ? refuse(EBADF) : make_on(place, File::Kind::folder);
}
int __wrap_mkfifo(const char* path, mode_t mode) {
  const Place place = place_of(path);
  return place.disk == nullptr ? __real_mkfifo(path, mode) : make_on(place, File::Kind::fifo);
}
int __wrap_rename(const char* from, const char* to) {
  Disk* disk = Disk::of(from);
  if (disk == nullptr) return __real_rename(from, to);
  if (is_ghost()) return refuse(EIO);
  if (const int fault = disk->judge(DiskOp::rename, to); fault > 0) return refuse(fault);
  if (is_ghost()) return refuse(EIO);
  return disk->rename(from, to) ? 0 : refuse(ENOENT);
}
int __wrap_unlink(const char* path) {
  const Place place = place_of(path);
  return place.disk == nullptr ? __real_unlink(path) : remove_on(place, false);
}
int __wrap_unlinkat(int folder, const char* name, int flags) {
  const Place place = place_at(folder, name);
  if (place.disk != nullptr) return remove_on(place, (flags & AT_REMOVEDIR) != 0);
  return is_simulated(folder) ? refuse(EBADF) : __real_unlinkat(folder, name, flags);
}
int __wrap_remove(const char* path) {
  const Place place = place_of(path);
  return place.disk == nullptr ? __real_remove(path) : remove_on(place, place.disk->is_folder(path));
}
DIR* __wrap_opendir(const char* path) {
  if (Disk::of(path) == nullptr) return __real_opendir(path);
  const int fd = __wrap_open(path, O_RDONLY | O_DIRECTORY);
  return fd < 0 ? nullptr : list_handle(fd);
}
DIR* __wrap_fdopendir(int fd) { return is_simulated(fd) ? list_handle(fd) : __real_fdopendir(fd); }
dirent* __wrap_readdir(DIR* folder) {
  Listing* listing = find_listing(folder);
  if (listing == nullptr) return __real_readdir(folder);
  if (listing->next == listing->names.size()) return nullptr;
  const std::string& name = listing->names[listing->next++];
  std::strncpy(listing->entry.d_name, name.c_str(), sizeof listing->entry.d_name - 1);
  const bool inner = listing->place.disk->is_folder(listing->place.path + "/" + name);
  listing->entry.d_type = inner ? DT_DIR : DT_REG;
  return &listing->entry;
}
int __wrap_dirfd(DIR* folder) {
  const Listing* listing = find_listing(folder);
  return listing == nullptr ? __real_dirfd(folder) : listing->fd;
}
int __wrap_closedir(DIR* folder) {
  Listing* listing = find_listing(folder);
  if (listing == nullptr) return __real_closedir(folder);
  (void)__wrap_close(listing->fd);
  listings().remove_if([&](const Listing& one) { return &one == listing; });
  return 0;
}
}  // extern "C"

}  // namespace octo::sim
