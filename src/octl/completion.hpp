// SPDX-License-Identifier: MIT
// What may follow on a command line that is being typed: words of the table, and what of it only the Brain
// knows. Pure.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace octo::octl {

struct Candidate {
  std::string word;
  std::string help;
};

// What the Brain is to be asked for.
enum class Live { nothing, nodes, tasks, scenarios };

struct Completion {
  std::vector<Candidate> candidates;
  Live live = Live::nothing;
  std::string begun;          // candidates begin with it
  std::string before;         // of a node set: what stands before its last term, and before every live name
  std::string settings_file;  // as typed, or empty
};
// `words` as typed after "octl", the one being typed last (it may be empty).
Completion complete(std::span<const std::string> words);

// One a line, the word, a tab, what it is; those that begin with what is typed.
std::string print(const std::vector<Candidate>& candidates, std::string_view begun);

// What a shell reads; it calls `octl __complete <words>`.
std::string_view bash_completion();
std::string_view zsh_completion();
std::string_view fish_completion();

}  // namespace octo::octl
