// SPDX-License-Identifier: MIT
#include "tentacle/host/host.hpp"

#include "io/process/process.hpp"

namespace octo::tentacle {

namespace {
constexpr Span kSampleInterval = 1s;
constexpr Span kShort = 1s;
constexpr Span kLong = 10s;
constexpr std::size_t kSamplesMax = 11;
}  // namespace

LocalHost::LocalHost(Clock& clock, std::string disk, Executor executor)
    : clock_(clock), disk_(std::move(disk)), nursery_(std::move(executor)) {
  nursery_.spawn(sample());
}

Async<void> LocalHost::sample() {
  while (true) {
    if (const auto times = host::cpu_times()) samples_.push_back({clock_.now(), *times});
    if (samples_.size() > kSamplesMax) samples_.pop_front();
    co_await clock_.sleep(kSampleInterval);
  }
}

// Since the youngest sample that is at least so old, or the oldest there is.
double LocalHost::load_over(Span span, const Sample& now) const {
  const Sample* before = nullptr;
  for (const Sample& sample : samples_) {
    if (before == nullptr || now.at - sample.at >= span) before = &sample;
  }
  return before == nullptr ? 0 : host::load_between(before->times, now.times);
}

Async<Result<HostStatus>> LocalHost::status() {
  const Sample now{clock_.now(), OCTO_CO_TRY(host::cpu_times())};
  const host::Usage memory = OCTO_CO_TRY(host::memory());
  const host::Usage disk = OCTO_CO_TRY(host::disk(disk_));
  const WallTime wall = clock_.wall();
  co_return HostStatus{.platform = host::platform(),
                       .cpu_cores = host::cpu_cores(),
                       .cpu_load_short = load_over(kShort, now),
                       .cpu_load_long = load_over(kLong, now),
                       .memory_used = memory.used,
                       .memory_total = memory.total,
                       .disk_used = disk.used,
                       .disk_total = disk.total,
                       .local_time = wall,
                       .utc_offset_seconds = host::utc_offset_seconds(wall),
                       .uptime = now.at.time_since_epoch()};
}

Async<void> LocalHost::stop() {
  nursery_.cancel();
  co_await nursery_.join();
}

Result<void> restart_machine(const std::string& command) {
  OCTO_TRY(process::spawn({.program = "/bin/sh",
                           .arguments = {"sh", "-c", command},
                           .new_session = true,
                           .out_file = "/dev/null"}));
  return {};
}

}  // namespace octo::tentacle
