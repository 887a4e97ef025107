// SPDX-License-Identifier: MIT
// Linux processes: start, watch, signal; cgroups. Posix_spawn, no shell, no fork of a large parent.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/async.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace octo::process {

struct Spawn {
  std::string program;                                                          // absolute path
  std::vector<std::string> arguments;                                           // argv[0] first
  std::optional<std::vector<std::pair<std::string, std::string>>> environment;  // nothing: inherit
  std::string folder;                                                           // empty: stay
  bool new_session = false;                                                     // setsid
  std::string out_file;  // append stdout and stderr there; empty: inherit; "/dev/null" allowed
  std::string in_file = "/dev/null";
  int handed = -1;  // an open descriptor that it gets as number 3; -1: none
};
// The pid. Signal dispositions and mask of the child are the default ones; descriptors above 2 are closed,
// but for the one that is handed on.
Result<pid_t> spawn(const Spawn& spawn);

// A process held by pidfd: no race with a reused pid.
class Process {
 public:
  static Result<Process> open(pid_t pid);
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();
  pid_t pid() const { return pid_; }
  Result<void> signal(int number);
  // Until it has ended. For a child of ours: its wait status, reaped. Otherwise nothing.
  Async<Result<std::optional<int>>> wait();

 private:
  Process(pid_t pid, int fd) : pid_(pid), fd_(fd) {}
  pid_t pid_ = 0;
  int fd_ = -1;
};

// SIGTERM, SIGINT and SIGHUP as one awaited fact; SIGPIPE ignored from construction on.
Async<int> stop_signal();
void ignore_sigpipe();

// cgroup v2 found through mountinfo (hybrid hosts too), or nothing when the host has none that we may write.
class Cgroups {
 public:
  static std::optional<Cgroups> find();
  const std::string& root() const { return root_; }  // absolute path below which we make ours
  std::string path_of(std::string_view name) const;  // absolute: <root>/octopoda/<name>
  static Result<void> make(const std::string& path);
  // Bounds for all that runs in it; 0: none. unsupported, naming the controller, where the host cannot keep
  // one.
  static Result<void> bound(const std::string& path, std::uint64_t memory_bytes, std::uint64_t processes,
                            std::uint64_t cpu_percent);
  static Result<void> kill(
      const std::string& path);  // cgroup.kill, then waits until cgroup.events says populated 0
  static Result<void> remove(const std::string& path);

 private:
  explicit Cgroups(std::string root) : root_(std::move(root)) {}
  std::string root_;
};

// Path of the running executable's folder: where the sibling programs are.
std::string own_folder();

}  // namespace octo::process
