// SPDX-License-Identifier: MIT
// The supervisors of runs as the journal sees them: processes that are started, held, told to end, and heard.
#pragma once
#include <sys/types.h>

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "async/async.hpp"

namespace octo::tentacle {

// One that is held: what is told to it reaches it or nobody, also when its number is another's by now.
class Runner {
 public:
  virtual ~Runner() = default;
  // Asks it to end its run: SIGTERM. not_found when it is gone.
  virtual Result<void> cancel() = 0;
  // Lets it look at what it was told of a start together with others: SIGUSR1.
  virtual Result<void> nudge() = 0;
  // Until it is gone. Its exit code, if this agent started it and nothing killed it.
  virtual Async<std::optional<int>> wait() = 0;
};

// The FIFO into which runners put their messages (runner::wake_message).
class Wakes {
 public:
  virtual ~Wakes() = default;
  // Waits for some; answers how many bytes of them it took.
  virtual Async<std::size_t> read(std::span<char> into) = 0;
};

// Blocking: call from Workers, except listen().
class Runners {
 public:
  virtual ~Runners() = default;
  // A runner for the run's folder, in a session of its own: it outlives the agent. `secrets`: a descriptor
  // that it gets too, or -1.
  virtual Result<std::unique_ptr<Runner>> start(const std::string& folder, int secrets) = 0;
  // One that somebody started before; not_found when there is no such process.
  virtual Result<std::unique_ptr<Runner>> hold(pid_t pid) = 0;
  // The FIFO at that path, made when absent.
  virtual Result<std::unique_ptr<Wakes>> listen(const std::string& path) = 0;
};

// Real processes of this machine.
class LocalRunners final : public Runners {
 public:
  // `program`: absolute path of the runner.
  explicit LocalRunners(std::string program) : program_(std::move(program)) {}
  Result<std::unique_ptr<Runner>> start(const std::string& folder, int secrets) override;
  Result<std::unique_ptr<Runner>> hold(pid_t pid) override;
  Result<std::unique_ptr<Wakes>> listen(const std::string& path) override;

 private:
  std::string program_;
};

}  // namespace octo::tentacle
