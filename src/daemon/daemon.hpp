// SPDX-License-Identifier: MIT
// What every daemon's main() has in common: arguments, one loop, a clean stop.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "async/event.hpp"

namespace octo::daemon {

struct Arguments {
  std::string settings_file;      // -c FILE; empty: the places where settings are searched
  bool to_terminal = false;       // -p: log to the terminal as well
  std::vector<std::string> rest;  // other words, in order
};

// The daemon was told to stop.
class Stop {
 public:
  explicit Stop(Executor executor) : changed_(std::move(executor)) {}
  void request() {
    requested_ = true;
    changed_.set();
  }
  Async<void> wait() {
    while (!requested_) co_await changed_.wait();
  }

 private:
  bool requested_ = false;
  Event changed_;
};

struct Program {
  std::string name;           // "brain"
  std::string usage_of_rest;  // "[passwd]"; empty: other words are refused
  // Works until `stop`, puts its things away and returns; or answers why it cannot start.
  std::function<Async<Result<void>>(const Arguments& arguments, Executor executor, Stop& stop)> body;
};

// The process's exit status: 0 stopped when told, 1 could not start or had to stop, 2 usage. Ignores SIGPIPE;
// SIGTERM, SIGINT and SIGHUP stop the body.
int run(std::span<char*> arguments, const Program& program);

}  // namespace octo::daemon
