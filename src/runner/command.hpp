// SPDX-License-Identifier: MIT
// Whether a command line needs a shell; pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace octo::runner {

// The words of a command that a shell would run just so: no quoting, expansion, redirection, assignment,
// keyword or builtin in it. Anything else: nothing, and a shell has to read it. Whether the first word is a
// program is for the caller to look up.
std::optional<std::vector<std::string>> plain_words(std::string_view command);

// Where a shell would look for the program, in order: the word itself if it has a '/', else every folder of
// PATH with it.
std::vector<std::string> places_of(std::string_view word, std::string_view path);

}  // namespace octo::runner
