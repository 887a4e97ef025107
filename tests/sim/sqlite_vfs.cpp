// SPDX-License-Identifier: MIT
// SQLite on the simulated disk: its default VFS while a simulation runs. Files only; the memory that
// connections share is the heap's, gone with the process as it should be.
#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/expects.hpp"
#include "disk.hpp"

namespace octo::sim {

namespace {

struct Vfs {
  SeededRandom random{0};
  Clock* clock = nullptr;
  sqlite3_vfs methods{};
};

Vfs& vfs() {
  static Vfs one;
  return one;
}

struct Handle {
  sqlite3_file base;
  struct Body {
    Disk* disk = nullptr;
    std::string path;
    std::shared_ptr<File> file;
    bool syncs_folder = false;  // a new log: its name has to last as well, as SQLite's own VFS sees to
    std::vector<std::unique_ptr<char[]>> shared;
  }* body;
};

Handle::Body& body_of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file)->body; }

int code_of(int fault, int otherwise) { return fault == ENOSPC ? SQLITE_FULL : otherwise; }

int close_file(sqlite3_file* file) {
  delete reinterpret_cast<Handle*>(file)->body;
  return SQLITE_OK;
}

int read_file(sqlite3_file* file, void* into, int count, sqlite3_int64 offset) {
  const Bytes& bytes = body_of(file).file->bytes();
  const auto at = std::min(static_cast<std::size_t>(offset), bytes.size());
  const std::size_t some = std::min(static_cast<std::size_t>(count), bytes.size() - at);
  std::memcpy(into, bytes.data() + at, some);
  if (some == static_cast<std::size_t>(count)) return SQLITE_OK;
  std::memset(static_cast<char*>(into) + some, 0, static_cast<std::size_t>(count) - some);
  return SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  auto& body = body_of(file);
  const int fault = body.disk->judge(DiskOp::write, body.path);
  if (fault > 0) return code_of(fault, SQLITE_IOERR_WRITE);
  if (fault == 0)
    body.file->write(static_cast<std::size_t>(offset),
                     BytesView(static_cast<const char*>(bytes), static_cast<std::size_t>(count)));
  return SQLITE_OK;
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  body_of(file).file->truncate(static_cast<std::size_t>(size));
  return SQLITE_OK;
}

int sync_file(sqlite3_file* file, int) {
  auto& body = body_of(file);
  const int fault = body.disk->judge(DiskOp::sync, body.path);
  if (fault > 0) body.file->sync_failed();
  if (fault > 0) return code_of(fault, SQLITE_IOERR_FSYNC);
  if (fault == 0) body.file->synced();
  if (!std::exchange(body.syncs_folder, false)) return SQLITE_OK;
  const std::string folder = body.path.substr(0, body.path.rfind('/'));
  if (body.disk->judge(DiskOp::sync_folder, folder) == 0) body.disk->sync_folder(folder);
  return SQLITE_OK;
}

int size_of_file(sqlite3_file* file, sqlite3_int64* size) {
  *size = static_cast<sqlite3_int64>(body_of(file).file->bytes().size());
  return SQLITE_OK;
}

int lock_file(sqlite3_file*, int) { return SQLITE_OK; }
int check_reserved(sqlite3_file*, int* answer) {
  *answer = 0;
  return SQLITE_OK;
}
int control_file(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return 4096; }
int characteristics(sqlite3_file*) { return 0; }

int map_shared(sqlite3_file* file, int region, int size, int extend, void volatile** into) {
  auto& shared = body_of(file).shared;
  *into = nullptr;
  if (static_cast<std::size_t>(region) >= shared.size() && extend == 0) return SQLITE_OK;
  while (shared.size() <= static_cast<std::size_t>(region))
    shared.push_back(std::make_unique<char[]>(static_cast<std::size_t>(size)));
  *into = shared[static_cast<std::size_t>(region)].get();
  return SQLITE_OK;
}
int lock_shared(sqlite3_file*, int, int, int) { return SQLITE_OK; }
void barrier(sqlite3_file*) {}
int unmap_shared(sqlite3_file* file, int remove) {
  if (remove != 0) body_of(file).shared.clear();
  return SQLITE_OK;
}

constexpr sqlite3_io_methods kFileMethods = {
    2,           close_file, read_file,      write_file,   truncate_file, sync_file,       size_of_file,
    lock_file,   lock_file,  check_reserved, control_file, sector_size,   characteristics, map_shared,
    lock_shared, barrier,    unmap_shared,   nullptr,      nullptr};

int open_file(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  if (name == nullptr) return SQLITE_CANTOPEN;  // nothing of ours makes temporary files
  Disk* disk = Disk::of(name);
  if (disk == nullptr) return SQLITE_CANTOPEN;
  auto found = disk->find(name);
  const bool fresh = !found;
  if (fresh && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
  if (fresh && disk->judge(DiskOp::write, name) > 0) return SQLITE_CANTOPEN;
  if (fresh) found = disk->make(name);
  const bool log = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
  auto* handle = reinterpret_cast<Handle*>(file);
  handle->body = new Handle::Body{disk, name, std::move(found), fresh && log, {}};
  handle->base.pMethods = &kFileMethods;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int remove_file(sqlite3_vfs*, const char* name, int sync_folder) {
  Disk* disk = Disk::of(name);
  if (disk == nullptr || !disk->remove(name)) return SQLITE_IOERR_DELETE_NOENT;
  const std::string path = name;
  const std::string folder = path.substr(0, path.rfind('/'));
  if (sync_folder != 0 && disk->judge(DiskOp::sync_folder, folder) == 0) disk->sync_folder(folder);
  return SQLITE_OK;
}

int access_file(sqlite3_vfs*, const char* name, int, int* answer) {
  const Disk* disk = Disk::of(name);
  const auto file = disk == nullptr ? nullptr : disk->find(name);
  *answer = file && !file->bytes().empty() ? 1 : 0;
  return SQLITE_OK;
}

int full_name(sqlite3_vfs*, const char* name, int most, char* into) {
  if (std::strlen(name) + 1 > static_cast<std::size_t>(most)) return SQLITE_CANTOPEN;
  std::strcpy(into, name);
  return SQLITE_OK;
}

int randomness(sqlite3_vfs*, int count, char* into) {
  const Bytes bytes = vfs().random.bytes(static_cast<std::size_t>(count));
  std::memcpy(into, bytes.data(), bytes.size());
  return count;
}

int rest(sqlite3_vfs*, int micros) { return micros; }

int time_now(sqlite3_vfs*, sqlite3_int64* into) {
  constexpr sqlite3_int64 kUnixEpoch = 210866760000000;  // in milliseconds of the Julian day
  const auto since = std::chrono::floor<std::chrono::milliseconds>(vfs().clock->wall()).time_since_epoch();
  *into = kUnixEpoch + since.count();
  return SQLITE_OK;
}
int time_now_double(sqlite3_vfs* self, double* into) {
  sqlite3_int64 millis = 0;
  time_now(self, &millis);
  *into = static_cast<double>(millis) / 86400000.0;
  return SQLITE_OK;
}
int last_error(sqlite3_vfs*, int, char*) { return 0; }

}  // namespace

SqliteOnDisk::SqliteOnDisk(SeededRandom random, Clock& clock) {
  Vfs& one = vfs();
  one.random = random;
  one.clock = &clock;
  sqlite3_vfs& methods = one.methods;
  methods.iVersion = 2;
  methods.szOsFile = sizeof(Handle);
  methods.mxPathname = 512;
  methods.zName = "octopoda-sim";
  methods.xOpen = open_file;
  methods.xDelete = remove_file;
  methods.xAccess = access_file;
  methods.xFullPathname = full_name;
  methods.xRandomness = randomness;
  methods.xSleep = rest;
  methods.xCurrentTime = time_now_double;
  methods.xGetLastError = last_error;
  methods.xCurrentTimeInt64 = time_now;
  OCTO_EXPECTS(sqlite3_vfs_register(&methods, 1) == SQLITE_OK);
  sqlite3_randomness(0, nullptr);  // seeded afresh, from us
}

SqliteOnDisk::~SqliteOnDisk() {
  sqlite3_vfs_unregister(&vfs().methods);
  sqlite3_randomness(0, nullptr);
}

}  // namespace octo::sim
