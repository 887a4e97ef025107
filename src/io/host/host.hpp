// SPDX-License-Identifier: MIT
// Facts of this machine from /proc, /sys and statvfs.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace octo::host {

struct CpuTimes {  // jiffies since boot, all cores together
  std::uint64_t busy = 0;
  std::uint64_t total = 0;
};
Result<CpuTimes> cpu_times();
double load_between(const CpuTimes& before, const CpuTimes& after);  // 0…1
std::uint32_t cpu_cores();
struct Usage {
  std::uint64_t used = 0, total = 0;
};
Result<Usage> memory();  // used = MemTotal − MemAvailable
Result<Usage> disk(const std::string& path);
std::string platform();  // "linux 6.1.0-18-amd64 x86_64"
std::string host_name();
std::string boot_id();
std::int32_t utc_offset_seconds(WallTime at);
// A user by name, with all its groups. Blocking: it may ask a directory service. not_found names it.
struct Account {
  std::string name, home, shell;
  bool has_home = false;  // the folder is there
  std::uint32_t uid = 0, gid = 0;
  std::vector<std::uint32_t> groups;
};
Result<Account> find_account(const std::string& user);
// Resident and anonymous memory of a process, in bytes (0: this one).
struct ProcessMemory {
  std::uint64_t resident = 0, anonymous = 0;
};
Result<ProcessMemory> process_memory(int pid);

}  // namespace octo::host
