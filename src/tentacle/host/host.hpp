// SPDX-License-Identifier: MIT
// Status of this machine. Life: construct, serve, then co_await stop() before it dies.
#pragma once
#include <deque>
#include <string>

#include "async/clock.hpp"
#include "async/nursery.hpp"
#include "io/host/host.hpp"
#include "tentacle/work/ports.hpp"

namespace octo::tentacle {

class LocalHost final : public Host {
 public:
  // `disk`: a path on the file system whose space is told.
  LocalHost(Clock& clock, std::string disk, Executor executor);

  Async<Result<HostStatus>> status() override;
  Async<void> stop();

 private:
  struct Sample {
    Instant at;
    host::CpuTimes times;
  };
  Async<void> sample();
  double load_over(Span span, const Sample& now) const;

  Clock& clock_;
  std::string disk_;
  std::deque<Sample> samples_;  // one a second, eleven of them
  Nursery nursery_;
};

// Runs the settings' autoRestartCommand ("reboot"), which is a line for the shell, and does not wait for it.
Result<void> restart_machine(const std::string& command);

}  // namespace octo::tentacle
