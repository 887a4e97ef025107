// SPDX-License-Identifier: MIT
// A run's folder as its runner sees it: what to do, the lock that says "alive", the claim, the record, the
// agent's FIFO.
#pragma once
#include <expected>
#include <string>

#include "runner/format.hpp"

namespace octo::runner {

Instant now();
WallTime wall_now();
std::string boot_id();

class Folder {
 public:
  // Reads and judges the intent.
  static std::expected<Folder, Exit> open(const std::string& path);
  Folder(Folder&& other) noexcept;
  Folder& operator=(Folder&&) = delete;
  ~Folder();

  const Intent& intent() const { return intent_; }
  const std::string& path() const { return path_; }
  int fd() const { return fd_; }

  // A POSIX lock on the record, held for life: whoever sees it held knows that this process lives, and its
  // pid. Comes before the claim, so that a claim of ours without the lock means that we are dead.
  bool lock();
  // Writes the script's file; answers its path, or "" for a command and nothing on failure.
  std::expected<std::string, Exit> write_script();
  // The file behind $OCTOPODA_OUTPUT, for a script, and for another user, who could not make it.
  void make_note();
  // Wins the exclusive claim and makes it durable, with all files there are and the folder itself. After
  // this, and not before, the command may start. One that cannot be made durable is taken back.
  std::expected<void, Exit> claim();
  // Whole, or nothing when it is not there or cannot be read.
  std::optional<Bytes> load(const char* name) const;
  bool append(BytesView frame);
  bool sync();
  void unlock();
  // Tells the agent, if one listens. Never waits: a full FIFO tells it enough.
  void wake(Wake wake);

 private:
  explicit Folder(std::string path) : path_(std::move(path)) {}
  bool give(int fd) const;  // to the user whom the command runs as
  std::string path_;
  Intent intent_;
  int fd_ = -1;
  int record_ = -1;
  int fifo_ = -1;
};

}  // namespace octo::runner
