// SPDX-License-Identifier: MIT
#pragma once
#include "async/async.hpp"

namespace octo::octl {

// The first character of the next line typed at the terminal; '\n' for an empty one or when there is no
// terminal. Opens the terminal anew: waiting on the shell's own descriptor would leave it non-blocking for
// the shell.
Async<char> read_answer();

}  // namespace octo::octl
