// SPDX-License-Identifier: MIT
// For tests: work that is killed in the middle, at every place where that makes a difference.
#pragma once
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace octo::files {

// Whether a file system is not after the call what it was before, or has promised something of it.
inline bool changes_files(const __ptrace_syscall_info& info) {
  static const std::set<std::uint64_t> kCalls = {
      SYS_write,  SYS_pwrite64, SYS_ftruncate, SYS_fsync,     SYS_fdatasync, SYS_syncfs,   SYS_linkat,
      SYS_fchmod, SYS_fchmodat, SYS_mkdirat,   SYS_symlinkat, SYS_unlinkat,  SYS_renameat,
#ifdef SYS_rename
      SYS_rename, SYS_link,     SYS_unlink,    SYS_mkdir,     SYS_rmdir,     SYS_symlink,
#endif
  };
  if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return false;
  if (info.entry.nr == SYS_openat) return (info.entry.args[2] & (O_CREAT | O_TRUNC)) != 0;
  return kCalls.contains(info.entry.nr);
}

// Runs `work` in a child and asks `may` as it is about to make each such call; where that says no, it is
// killed (SIGKILL). False: it came to its end before. `work` may use no thread of the parent's.
inline bool killed_unless(const std::function<bool(pid_t child, const __ptrace_syscall_info&)>& may,
                          const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    work();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  while (true) {
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    if (::waitpid(child, &status, 0) != child || WIFEXITED(status) || WIFSIGNALED(status)) return false;
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
    __ptrace_syscall_info info{};
    ::ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info);
    if (!changes_files(info) || may(child, info)) continue;
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return true;
  }
}

// As it is about to make its nth such call, from 0.
inline bool killed_at(unsigned nth, const std::function<void()>& work) {
  unsigned seen = 0;
  return killed_unless([&](pid_t, const auto&) { return seen++ < nth; }, work);
}

// The files and folders that `work` syncs, in that order.
inline std::vector<std::string> synced_by(const std::function<void()>& work) {
  std::vector<std::string> paths;
  (void)killed_unless(
      [&](pid_t child, const __ptrace_syscall_info& info) {
        if (info.entry.nr != SYS_fsync && info.entry.nr != SYS_fdatasync) return true;
        const std::string link =
            "/proc/" + std::to_string(child) + "/fd/" + std::to_string(info.entry.args[0]);
        char path[PATH_MAX];
        const ssize_t size = ::readlink(link.c_str(), path, sizeof path);
        paths.emplace_back(path, size < 0 ? 0 : static_cast<std::size_t>(size));
        return true;
      },
      work);
  return paths;
}

}  // namespace octo::files
