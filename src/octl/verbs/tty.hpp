// SPDX-License-Identifier: MIT
#pragma once
#include <optional>
#include <string>

#include "async/async.hpp"
#include "base/text.hpp"

namespace octo::octl {

// The next line typed at the terminal; nothing at the end of the input (Ctrl-D) or when there is no terminal.
// Opens the terminal anew: waiting on the shell's own descriptor would leave it non-blocking for the shell.
Async<std::optional<std::string>> read_answer();
// What is typed, not shown, after `prompt`; unavailable without a terminal. Ctrl-C is `cancelled`, and the
// terminal shows again what is typed whatever happens.
Async<Result<Secret>> read_password(std::string_view prompt);

}  // namespace octo::octl
