// SPDX-License-Identifier: MIT
// The whole program: words in, exit code out.
#pragma once
#include <span>
#include <string>

#include "octl/print/output.hpp"

namespace octo::octl {

int run(std::span<const std::string> words, const Environment& environment, Output& output);

}  // namespace octo::octl
