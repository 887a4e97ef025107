// SPDX-License-Identifier: MIT
// The flags of `cmd run` and `cmd xrun` as what is asked of the Brain. Says what is wrong before anyone is
// asked; reads the script and the input, and nothing else.
#pragma once
#include "api/records.hpp"
#include "octl/command_line.hpp"
#include "octl/verbs/follow.hpp"

namespace octo::octl {

struct AskedTask {
  api::StartTask task;
  Following how;              // until when we listen, and how it is shown
  std::optional<Span> every;  // --watch
};
Result<AskedTask> read_task(const CommandLine& line);

// Of a file, or of our own stdin for "-"; too_large before a byte is read where the size is known, else as
// soon as there is more.
Result<Bytes> read_input(const std::string& file, std::size_t bytes_max);

}  // namespace octo::octl
