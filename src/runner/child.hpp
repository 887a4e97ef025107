// SPDX-License-Identifier: MIT
// The command's process: made early, it prepares itself and then waits; it becomes the command only when told
// to go.
#pragma once
#include <sys/types.h>

#include <string>

#include "runner/format.hpp"
#include "runner/secrets.hpp"

namespace octo::runner {

struct Child {
  pid_t pid = 0;
  int go = -1;   // one byte starts it; closing it without ends it
  int out = -1;  // non-blocking read ends of its stdout and stderr
  int err = -1;
  // Of a run that starts together with others; spec/time.md. One byte when the child is ready, or why it
  // cannot be; closed by exec.
  int ready = -1;
};
// In its own session, in the intent's cgroup, as the intent's user, signals as after a log-in, stdin the
// intent's input or /dev/null, umask 022.
// `script`: absolute path of the script's file, for a script. `secrets`: as the intent names them. What
// cannot be executed says so on stderr and exits 126 or 127, as shells do.
Result<Child> make_child(const Intent& intent, const std::string& script,
                         const std::vector<MemoryFile>& secrets);

}  // namespace octo::runner
