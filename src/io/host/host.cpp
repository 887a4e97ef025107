// SPDX-License-Identifier: MIT
#include "io/host/host.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/text.hpp"

namespace octo::host {

namespace {

Result<std::string> slurp(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return fail(ErrorCode::unavailable, "read {}: {}", path, std::strerror(errno));
  return text.str();
}

// The number behind "<label>" in kB, as bytes.
std::uint64_t kilobytes(const std::string& text, std::string_view label) {
  const auto at = text.find(label);
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + label.size(), nullptr, 10) * 1024;
}

}  // namespace

Result<CpuTimes> cpu_times() {
  std::istringstream line(OCTO_TRY(slurp("/proc/stat")));
  std::string label;
  line >> label;
  CpuTimes times;
  // user nice system idle iowait irq softirq steal; guest times are in user already
  for (int field = 0; field < 8; ++field) {
    std::uint64_t jiffies = 0;
    line >> jiffies;
    times.total += jiffies;
    if (field != 3 && field != 4) times.busy += jiffies;
  }
  if (label != "cpu" || !line)
    return fail(ErrorCode::unsupported, "/proc/stat does not begin with the cpu line");
  return times;
}

double load_between(const CpuTimes& before, const CpuTimes& after) {
  if (after.total <= before.total || after.busy < before.busy) return 0;
  return std::min(
      1.0, static_cast<double>(after.busy - before.busy) / static_cast<double>(after.total - before.total));
}

std::uint32_t cpu_cores() { return std::max(1U, std::thread::hardware_concurrency()); }

Result<Usage> memory() {
  const std::string text = OCTO_TRY(slurp("/proc/meminfo"));
  const std::uint64_t total = kilobytes(text, "MemTotal:"), available = kilobytes(text, "MemAvailable:");
  if (total == 0) return fail(ErrorCode::unsupported, "/proc/meminfo has no MemTotal");
  return Usage{total - std::min(total, available), total};
}

Result<Usage> disk(const std::string& path) {
  struct statvfs facts{};
  if (::statvfs(path.c_str(), &facts) != 0)
    return fail(ErrorCode::unavailable, "space of {}: {}", path, std::strerror(errno));
  return Usage{(facts.f_blocks - facts.f_bfree) * facts.f_frsize, facts.f_blocks * facts.f_frsize};
}

std::string platform() {
  utsname name{};
  if (::uname(&name) != 0) return "unknown";
  std::string system = name.sysname;
  std::ranges::transform(system, system.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return fmt::format("{} {} {}", system, name.release, name.machine);
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

std::string boot_id() {
  const auto text = slurp("/proc/sys/kernel/random/boot_id");
  return text ? text->substr(0, text->find('\n')) : "";
}

std::int32_t utc_offset_seconds(WallTime at) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return static_cast<std::int32_t>(parts.tm_gmtoff);
}

Result<ProcessMemory> process_memory(int pid) {
  const std::string text =
      OCTO_TRY(slurp(pid == 0 ? "/proc/self/status" : fmt::format("/proc/{}/status", pid)));
  return ProcessMemory{kilobytes(text, "VmRSS:"), kilobytes(text, "RssAnon:")};
}

Result<Account> find_account(const std::string& user) {
  std::vector<char> text(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  int error = 0;
  while ((error = ::getpwnam_r(user.c_str(), &entry, text.data(), text.size(), &found)) == ERANGE &&
         text.size() < 1024 * 1024) {
    text.resize(text.size() * 2);
  }
  if (found == nullptr) {
    if (error != 0)
      return fail(ErrorCode::unavailable, "find user {}: {}", quote(user), std::strerror(error));
    return fail(ErrorCode::not_found, "there is no user {} on this machine", quote(user));
  }
  int count = 64;
  std::vector<gid_t> groups(64);
  while (::getgrouplist(user.c_str(), entry.pw_gid, groups.data(), &count) < 0)
    groups.resize(static_cast<std::size_t>(count));
  groups.resize(static_cast<std::size_t>(count));
  const std::string shell = entry.pw_shell;
  struct stat facts{};
  return Account{.name = entry.pw_name,
                 .home = entry.pw_dir,
                 .shell = shell.empty() ? "/bin/sh" : shell,
                 .has_home = ::stat(entry.pw_dir, &facts) == 0 && S_ISDIR(facts.st_mode),
                 .uid = entry.pw_uid,
                 .gid = entry.pw_gid,
                 .groups = {groups.begin(), groups.end()}};
}

}  // namespace octo::host
