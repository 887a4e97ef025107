// SPDX-License-Identifier: MIT
// The command line as a value. The grammar is the README's, in which -sf and -ta are whole words, so no usual
// parser fits: -x v, -x=v, --long v, --long=v anywhere after the verb; -c before the noun is the settings
// file; "--" ends the flags. Pure.
#pragma once
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/time.hpp"
#include "octl/print/output.hpp"
#include "octl/verbs/table.hpp"

namespace octo::octl {

struct CommandLine {
  enum class Kind { verb, help, usage, version, complete };
  Kind kind = Kind::verb;
  std::vector<std::string> topic;  // help: none, a noun, or noun and verb; complete: the words typed so far
  const Verb* verb = nullptr;
  std::string settings_file;  // -c before the noun; empty: not given
  std::optional<Format> output;
  std::multimap<std::string, std::string, std::less<>>
      flags;                       // by Flag::word; one that takes no value is "true" or "false"
  std::vector<std::string> words;  // what is neither verb nor flag

  bool given(std::string_view flag) const { return flags.contains(flag); }
  std::string text(std::string_view flag) const;
  std::vector<std::string> all(std::string_view flag) const;  // in the order given
  bool on(std::string_view flag) const { return text(flag) == "true"; }
  // A whole number of at least `low`.
  Result<std::uint64_t> number(std::string_view flag, std::uint64_t otherwise, std::uint64_t low = 0) const;
  // "500ms", "10s", "5m", "2h"; "0" is zero.
  Result<std::optional<Span>> span(std::string_view flag) const;
};

// invalid_argument: wrong use; unsupported: right, but not in this version. The hint says what to write
// instead.
struct Misuse {
  Error error;
  std::string hint;  // may have several lines, may be empty
};
std::expected<CommandLine, Misuse> parse(std::span<const std::string> words);
// `before`: "octl", "octl help".
Misuse unknown_verb(std::string_view noun, std::string_view word, std::string_view before);

// "usage: octl node get …"
std::string usage_of(const Verb& verb);
// The word before those that a shell wants to be completed; no one types it.
inline constexpr std::string_view kComplete = "__complete";

}  // namespace octo::octl
