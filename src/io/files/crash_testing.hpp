// SPDX-License-Identifier: MIT
// For tests: work that is killed in the middle, at every place where that makes a difference.
#pragma once
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <set>

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

// Runs `work` in a child and kills it (SIGKILL) as it is about to make its nth such call, from 0. False: it
// came to its end before. `work` may use no thread of the parent's.
inline bool killed_at(unsigned nth, const std::function<void()>& work) {
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
  for (unsigned seen = 0;;) {
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    if (::waitpid(child, &status, 0) != child || WIFEXITED(status) || WIFSIGNALED(status)) return false;
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
    __ptrace_syscall_info info{};
    ::ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info);
    if (!changes_files(info)) continue;
    if (seen++ < nth) continue;
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return true;
  }
}

}  // namespace octo::files
