// SPDX-License-Identifier: MIT
// Status of this machine. Life: construct, serve, then co_await stop() before it dies.
#pragma once
#include <deque>
#include <memory>
#include <string>

#include "async/clock.hpp"
#include "async/nursery.hpp"
#include "async/workers.hpp"
#include "io/host/host.hpp"
#include "io/log/tail.hpp"
#include "tentacle/work/ports.hpp"

namespace octo::tentacle {

class LocalHost final : public Host {
 public:
  struct Setup {
    std::string disk;                    // a path on the file system whose space is told
    std::string log_folder, log_prefix;  // of the program's own log
  };
  LocalHost(Clock& clock, Workers& workers, Setup setup, Executor executor);

  Async<Result<HostStatus>> status() override;
  Async<Result<NextLines>> read_log(const LogQuestion& question) override;
  Async<Result<Account>> find_account(const std::string& user) override;
  Async<void> stop();

 private:
  struct Sample {
    Instant at;
    host::CpuTimes times;
  };
  Async<void> sample();
  Async<Result<std::vector<std::string>>> next_lines(std::shared_ptr<log::Tail> tail, bool follow);
  double load_over(Span span, const Sample& now) const;

  Clock& clock_;
  Workers& workers_;
  Setup setup_;
  std::deque<Sample> samples_;  // one a second, eleven of them
  Nursery nursery_;
};

}  // namespace octo::tentacle
