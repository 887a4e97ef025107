// SPDX-License-Identifier: MIT
#include "tentacle/host/host.hpp"

namespace octo::tentacle {

namespace {
constexpr Span kSampleInterval = 1s;
constexpr Span kShort = 1s;
constexpr Span kLong = 10s;
constexpr std::size_t kSamplesMax = 11;
constexpr Span kFollowInterval = 500ms;
}  // namespace

LocalHost::LocalHost(Clock& clock, Workers& workers, Setup setup, Executor executor)
    : clock_(clock), workers_(workers), setup_(std::move(setup)), nursery_(std::move(executor)) {
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
  const host::Usage disk = OCTO_CO_TRY(host::disk(setup_.disk));
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

// A follower looks again every half a second, and only while somebody follows.
Async<Result<NextLines>> LocalHost::read_log(const LogQuestion& question) {
  const log::Tail::From from{
      setup_.log_folder, setup_.log_prefix, question.lines, question.days_before,
      std::chrono::system_clock::to_time_t(
          std::chrono::time_point_cast<std::chrono::system_clock::duration>(clock_.wall()))};
  auto opened = OCTO_CO_TRY(co_await workers_.run([&] { return log::Tail::open(from); }));
  const auto tail = std::make_shared<log::Tail>(std::move(opened));
  co_return NextLines([this, tail, follow = question.follow]() { return next_lines(tail, follow); });
}

Async<Result<std::vector<std::string>>> LocalHost::next_lines(std::shared_ptr<log::Tail> tail, bool follow) {
  while (true) {
    auto lines = OCTO_CO_TRY(co_await workers_.run([&] { return tail->next(); }));
    if (!lines.empty() || !follow) co_return lines;
    co_await clock_.sleep(kFollowInterval);
  }
}

Async<Result<Account>> LocalHost::find_account(const std::string& user) {
  auto found = OCTO_CO_TRY(co_await workers_.run([&] { return host::find_account(user); }));
  const std::string folder = found.has_home ? found.home : "/";
  co_return Account{
      std::move(found.name),  std::move(found.home), std::move(found.shell), folder, found.uid, found.gid,
      std::move(found.groups)};
}

Async<void> LocalHost::stop() {
  nursery_.cancel();
  co_await nursery_.join();
}

}  // namespace octo::tentacle
