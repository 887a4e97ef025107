// SPDX-License-Identifier: MIT
// Every noun, verb and flag as data. Parsing, help, usage lines and suggestions are all read from here.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "async/async.hpp"

namespace octo::octl {

struct Call;

enum class Use { once, often, missing };  // missing: in the contract, not in this version
struct Flag {
  std::string_view word;    // "-sf": a whole word, never a bundle of letters
  std::string_view longer;  // "--state-filter", or ""
  std::string_view value;   // "<filter>"; empty: it takes none (but "=false" is accepted)
  std::string_view help;
  Use use = Use::once;
};

struct Verb {
  std::string_view noun;
  std::string_view word;
  std::string_view usage;  // what follows "octl <noun> <verb>"
  std::string_view help;   // one line
  std::size_t words_min = 0;
  std::size_t words_max = 0;
  std::span<const Flag> flags;
  // The process's exit code. Null: not available in this version, and everything else says so.
  Async<Result<int>> (*run)(Call& call) = nullptr;
  std::string_view more;  // paragraphs of its help page
  // Works without a Brain and without settings.
  bool local = false;
};
std::string name_of(const Verb& verb);  // "node get"

struct Noun {
  std::string_view word;
  std::string_view title;  // as the manual's chapter
};

inline constexpr std::size_t kManyWords = 20'001;  // a command and as many nodes as a task may have
std::span<const Noun> nouns();
std::span<const Verb> verbs();
std::span<const Flag> common_flags();  // understood by every verb
const Verb* find_verb(std::string_view noun, std::string_view word);
const Flag* find_flag(const Verb& verb, std::string_view word);  // by its short or its long word

}  // namespace octo::octl
