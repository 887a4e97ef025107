// SPDX-License-Identifier: MIT
// A file system in memory that knows what a power cut would leave of it.
//
// Every process of the world that writes has a Disk of its own below /sim/<name>/; libc.cpp leads our
// programs' calls for such paths here, sqlite_vfs.cpp leads SQLite's. A file keeps what was written since it
// was last synced, a folder which names are new or gone: power_cut() makes the disk that is found afterwards,
// kill() the one that a killed process leaves. The old disk goes on under its old name, so that what a dying
// coroutine still does to it reaches nobody.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "world.hpp"

namespace octo::sim {

// How a host ends: by SIGKILL of what runs on it, or by losing its power.
enum class Death : std::uint8_t { kill, power_cut };

enum class DiskOp : std::uint8_t { write, sync, sync_folder, rename };

// What may go wrong, asked before every change: 0 for nothing, an errno, or kLie to say that it went well.
class DiskFaults {
 public:
  static constexpr int kLie = -1;
  virtual ~DiskFaults() = default;
  virtual int judge(DiskOp op, const std::string& path) = 0;
  // Whether what is made alone (O_EXCL) is refused when it is there, and whether a lock is seen by others.
  virtual bool excludes(const std::string& /*path*/) { return true; }
  virtual bool sees_locks(const std::string& /*path*/) { return true; }
};

struct Pipe;
struct Process;

// A file, a folder (of which only the name counts) or a FIFO.
class File {
 public:
  enum class Kind : std::uint8_t { file, folder, fifo };
  explicit File(Kind kind = Kind::file) : kind_(kind) {}
  Kind kind() const { return kind_; }
  const Bytes& bytes() const { return bytes_; }
  void write(std::size_t offset, BytesView bytes);
  void truncate(std::size_t size);
  bool is_synced() const { return unsynced_.empty() && lost_.empty(); }
  void synced();
  // What a failed sync leaves: the pages count as clean, and were never written.
  void sync_failed();
  std::shared_ptr<File> after_power_cut(SeededRandom& random) const;
  // As a killed process leaves it: whole, and nobody's.
  std::shared_ptr<File> after_kill() const;

  // Space that is set aside for it; what is cut off gives its part back.
  void reserve(std::size_t size) { reserved_ = std::max(reserved_, size); }
  std::size_t reserved() const { return reserved_; }
  // POSIX record locks, of whole files: they go with any of their process's descriptors.
  Process* locker() const { return locker_; }
  void lock(Process* process) { locker_ = process; }
  void unlock(const Process* process) {
    if (locker_ == process) locker_ = nullptr;
  }
  // flock: of one descriptor.
  bool hold(const void* handle) {
    if (holder_ != nullptr && holder_ != handle) return false;
    holder_ = handle;
    return true;
  }
  void release(const void* handle) {
    if (holder_ == handle) holder_ = nullptr;
  }
  std::shared_ptr<Pipe> pipe;  // of a FIFO

 private:
  struct Change {
    std::size_t offset = 0;
    Bytes before;  // what was there, up to the end of the file then
    Bytes after;
    std::size_t size_before = 0;
    std::size_t size_after = 0;
  };
  void touch(std::size_t offset, std::size_t count);
  void undo(const Change& change);
  void redo(const Change& change, std::size_t bytes);

  Kind kind_;
  Bytes bytes_;
  std::size_t reserved_ = 0;
  Process* locker_ = nullptr;
  const void* holder_ = nullptr;
  std::size_t durable_size_ = 0;
  std::vector<Change> unsynced_;
  std::vector<Change> lost_;  // by failed syncs
};

class Disk {
 public:
  // `path` is "/sim/<name>".
  explicit Disk(std::string path, SeededRandom random);
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  const std::string& path() const { return path_; }
  void set_faults(DiskFaults* faults) { faults_ = faults; }
  int judge(DiskOp op, const std::string& path) { return faults_ == nullptr ? 0 : faults_->judge(op, path); }

  bool excludes(const std::string& path) { return faults_ == nullptr || faults_->excludes(path); }
  bool sees_locks(const std::string& path) { return faults_ == nullptr || faults_->sees_locks(path); }

  std::unique_ptr<Disk> power_cut(std::string path);
  std::unique_ptr<Disk> kill(std::string path) const;

  std::shared_ptr<File> find(const std::string& path) const;
  bool is_folder(const std::string& path) const;
  // Whether a power cut leaves the file there, and whole.
  bool is_durable(const std::string& path) const;
  std::shared_ptr<File> make(const std::string& path, File::Kind kind = File::Kind::file);
  bool rename(const std::string& from, const std::string& to);
  bool remove(const std::string& path);
  void sync_folder(const std::string& folder);
  // The names in a folder, sorted.
  std::vector<std::string> list(const std::string& folder) const;

  // The disk below whose folder the path lies; null when it is none of ours.
  static Disk* of(std::string_view path);

 private:
  struct NameChange {
    std::vector<std::pair<std::string, std::shared_ptr<File>>> names;  // null: gone
  };
  void change_names(NameChange change);

  std::string path_;
  SeededRandom random_;
  DiskFaults* faults_ = nullptr;
  std::map<std::string, std::shared_ptr<File>> files_;
  std::map<std::string, std::shared_ptr<File>> durable_;
  std::vector<NameChange> unsynced_;
};

// SQLite's default file system becomes ours; its randomness and clock come from `random` and `clock` then.
class SqliteOnDisk {
 public:
  SqliteOnDisk(SeededRandom random, Clock& clock);
  ~SqliteOnDisk();
};

}  // namespace octo::sim
