// SPDX-License-Identifier: MIT
// A file system in memory that knows what a power cut would leave of it.
//
// Every process of the world that writes has a Disk of its own below /sim/<name>/; libc.cpp leads our
// programs' calls for such paths here, sqlite_vfs.cpp leads SQLite's. A file keeps what was written since it
// was last synced, a folder which names are new: power_cut() makes the disk that is found afterwards, kill()
// the one that a killed process leaves. The old disk goes on under its old name, so that what a dying
// coroutine still does to it reaches nobody.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "world.hpp"

namespace octo::sim {

enum class DiskOp : std::uint8_t { write, sync, sync_folder, rename };

// What may go wrong, asked before every change: 0 for nothing, an errno, or kLie to say that it went well.
class DiskFaults {
 public:
  static constexpr int kLie = -1;
  virtual ~DiskFaults() = default;
  virtual int judge(DiskOp op, const std::string& path) = 0;
};

class File {
 public:
  const Bytes& bytes() const { return bytes_; }
  void write(std::size_t offset, BytesView bytes);
  void truncate(std::size_t size);
  void synced();
  // What a failed sync leaves: the pages count as clean, and were never written.
  void sync_failed();
  std::shared_ptr<File> after_power_cut(SeededRandom& random) const;

 private:
  struct Change {
    std::size_t offset = 0;
    Bytes before;  // what was there, up to the end of the file then
    Bytes after;
    std::size_t size_before = 0;
    std::size_t size_after = 0;
  };
  void undo(const Change& change);
  void redo(const Change& change, std::size_t bytes);

  Bytes bytes_;
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

  std::unique_ptr<Disk> power_cut(std::string path);
  std::unique_ptr<Disk> kill(std::string path) const;

  std::shared_ptr<File> find(const std::string& path) const;
  bool is_folder(const std::string& path) const { return folders_.contains(path); }
  std::shared_ptr<File> make(const std::string& path);
  void make_folder(const std::string& path) { folders_.insert(path); }
  bool rename(const std::string& from, const std::string& to);
  bool remove(const std::string& path);
  void sync_folder(const std::string& folder);

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
  std::set<std::string> folders_;  // made before the first fault of a run, so none is ever lost
};

// SQLite's default file system becomes ours; its randomness and clock come from `random` and `clock` then.
class SqliteOnDisk {
 public:
  SqliteOnDisk(SeededRandom random, Clock& clock);
  ~SqliteOnDisk();
};

}  // namespace octo::sim
