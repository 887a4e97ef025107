// SPDX-License-Identifier: MIT
#pragma once
#include "async/async.hpp"
#include "base/text.hpp"

namespace octo::octl {

// The first character of the next line typed at the terminal; '\n' for an empty one or when there is no
// terminal. Opens the terminal anew: waiting on the shell's own descriptor would leave it non-blocking for
// the shell.
Async<char> read_answer();
// What is typed, not shown, after `prompt`; unavailable without a terminal. Ctrl-C is `cancelled`, and the
// terminal shows again what is typed whatever happens.
Async<Result<Secret>> read_password(std::string_view prompt);

}  // namespace octo::octl
