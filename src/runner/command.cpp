// SPDX-License-Identifier: MIT
#include "runner/command.hpp"

#include <algorithm>

namespace octo::runner {

namespace {

// What bash or a POSIX shell reads as more than itself, wherever it stands. '%' (date +%s), ',' and ':' are
// themselves.
constexpr std::string_view kMeta = "|&;<>()$`\\\"'*?[]#~{}!^\n\r";

// Keywords, and builtins that change the shell itself or that no program does alike. Sorted. Builtins with a
// program of equal meaning (echo, printf, test, kill, pwd, true, false) may run as that program.
constexpr std::string_view kShellWords[] = {
    ".",      ":",       "alias",   "bg",        "bind",     "break",    "builtin",  "caller",  "case",
    "cd",     "command", "compgen", "complete",  "compopt",  "continue", "coproc",   "declare", "dirs",
    "disown", "do",      "done",    "elif",      "else",     "enable",   "esac",     "eval",    "exec",
    "exit",   "export",  "fc",      "fg",        "fi",       "for",      "function", "getopts", "hash",
    "help",   "history", "if",      "in",        "jobs",     "let",      "local",    "logout",  "mapfile",
    "popd",   "pushd",   "read",    "readarray", "readonly", "return",   "select",   "set",     "shift",
    "shopt",  "source",  "suspend", "then",      "time",     "times",    "trap",     "type",    "typeset",
    "ulimit", "umask",   "unalias", "unset",     "until",    "wait",     "while"};

bool is_shell_word(std::string_view word) { return std::ranges::binary_search(kShellWords, word); }

}  // namespace

std::optional<std::vector<std::string>> plain_words(std::string_view command) {
  if (command.find_first_of(kMeta) != std::string_view::npos) return std::nullopt;
  std::vector<std::string> words;
  for (std::size_t at = 0; (at = command.find_first_not_of(" \t", at)) != std::string_view::npos;) {
    const std::size_t end = std::min(command.find_first_of(" \t", at), command.size());
    words.emplace_back(command.substr(at, end - at));
    at = end;
  }
  if (words.empty()) return std::nullopt;
  const std::string& first = words.front();
  if (first.find('=') != std::string::npos || first.starts_with('%') || is_shell_word(first))
    return std::nullopt;
  return words;
}

std::vector<std::string> places_of(std::string_view word, std::string_view path) {
  if (word.find('/') != std::string_view::npos) return {std::string(word)};
  std::vector<std::string> places;
  while (true) {
    const std::size_t colon = std::min(path.find(':'), path.size());
    const std::string_view folder = path.substr(0, colon);
    std::string place(folder.empty() ? "." : folder);
    places.push_back((place += '/') += word);
    if (colon == path.size()) return places;
    path.remove_prefix(colon + 1);
  }
}

}  // namespace octo::runner
