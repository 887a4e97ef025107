// SPDX-License-Identifier: MIT
#include "octl/completion.hpp"

#include <algorithm>
#include <array>

#include "octl/command_line.hpp"
#include "octl/print/visible.hpp"

namespace octo::octl {

namespace {

// What a verb's words are: its first, and those after it. Of `cmd` the first is the command, unless a flag
// has said it.
struct Takes {
  std::string_view noun, verb;
  Live first = Live::nothing, rest = Live::nothing;
  std::string_view words = "";  // that stand beside, with spaces between
};
constexpr std::array kTakes = {
    Takes{"node", "get", Live::nodes, Live::nodes, "ALL"},
    Takes{"node", "status", Live::nodes, Live::nodes, "ALL brain"},
    Takes{"node", "prune", Live::nodes, Live::nodes, "ALL"},
    Takes{"node", "expand", Live::nodes, Live::nodes, "ALL"},
    Takes{"cmd", "run", Live::nothing, Live::nodes, "ALL"},
    Takes{"cmd", "xrun", Live::nothing, Live::nodes, "ALL"},
    Takes{"task", "show", Live::tasks},
    Takes{"task", "attach", Live::tasks},
    Takes{"task", "wait", Live::tasks},
    Takes{"task", "output", Live::tasks, Live::nodes},
    Takes{"task", "cancel", Live::tasks},
    Takes{"scen", "get", Live::scenarios, Live::nothing, "ALL"},
    Takes{"scen", "version", Live::scenarios},
    Takes{"scen", "reset", Live::scenarios},
    Takes{"scen", "apply", Live::nothing, Live::nothing, "prepare start stop purge commit"},
    Takes{"napp", "get", Live::nodes},
    Takes{"napp", "version", Live::nodes},
    Takes{"napp", "reset", Live::nodes},
};

struct Values {
  std::string_view flag, words;
  Live live = Live::nothing;
};
constexpr std::array kValues = {
    Values{"--output", "table text json jsonl yaml"},
    Values{"--on-offline", "queue skip fail"},
    Values{"-sf", "online suspect offline"},
    Values{"--state", "running succeeded failed cancelled timed_out rejected lost"},
    Values{"--node", "", Live::nodes},
};

void add_words(Completion& completion, std::string_view words) {
  if (words.empty()) return;
  for (const std::string& word : split(words, ' ')) completion.candidates.push_back({word, ""});
}

void add_nouns(Completion& completion) {
  for (const Noun& noun : nouns()) {
    const bool any = std::ranges::any_of(
        verbs(), [&](const Verb& verb) { return verb.noun == noun.word && verb.run != nullptr; });
    if (any) completion.candidates.push_back({std::string(noun.word), std::string(noun.title)});
  }
}

void add_verbs(Completion& completion, std::string_view noun) {
  for (const Verb& verb : verbs()) {
    if (verb.noun == noun && verb.run != nullptr)
      completion.candidates.push_back({std::string(verb.word), std::string(verb.help)});
  }
}

void add_flags(Completion& completion, const Verb& verb, const std::vector<const Flag*>& given) {
  for (const std::span<const Flag> flags : {verb.flags, common_flags()}) {
    for (const Flag& flag : flags) {
      const bool again = flag.use == Use::often || std::ranges::find(given, &flag) == given.end();
      if (flag.use == Use::missing || !again) continue;
      completion.candidates.push_back({std::string(flag.word), std::string(flag.help)});
      if (!flag.longer.empty())
        completion.candidates.push_back({std::string(flag.longer), std::string(flag.help)});
    }
  }
}

void add_values(Completion& completion, const Flag& flag) {
  const auto values = std::ranges::find(kValues, flag.word, &Values::flag);
  if (values == kValues.end()) return;  // a file, a number, free text: the shell's own completion
  add_words(completion, values->words);
  completion.live = values->live;
}

// As it is meant: a shell hands the word over as it is being typed, with its quote and its backslashes.
std::string unquoted(std::string_view word) {
  if (word.starts_with('\'') || word.starts_with('"')) return std::string(word.substr(1));
  std::string plain(word);
  std::erase(plain, '\\');
  return plain;
}

// Behind an operator of a node set a name begins anew; in brackets there are numbers.
void complete_term(Completion& completion) {
  bool in_brackets = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < completion.begun.size(); ++i) {
    const char c = completion.begun[i];
    if (c == '[' || c == ']') in_brackets = c == '[';
    else if (!in_brackets && (c == ',' || c == '!' || c == '&' || c == '^')) begin = i + 1;
  }
  if (in_brackets) completion.live = Live::nothing;
  completion.before = completion.begun.substr(0, begin);
}

void complete_help(Completion& completion, std::span<const std::string> topic) {
  if (topic.size() == 1) {
    add_nouns(completion);
    completion.candidates.push_back({"exit", "exit codes"});
    completion.candidates.push_back({"environment", "what octl reads of it"});
  } else if (topic.size() == 2) {
    add_verbs(completion, topic[0]);
  }
}

// What was typed after the verb, but for the word that is being typed.
struct Typed {
  std::vector<const Flag*> flags;
  const Flag* open = nullptr;  // waits for its value
  std::size_t words = 0;
  bool flags_over = false;
};

Typed read_typed(const Verb& verb, std::span<const std::string> words) {
  Typed typed;
  for (const std::string& word : words) {
    if (typed.open != nullptr) {
      typed.open = nullptr;
    } else if (!typed.flags_over && word == "--") {
      typed.flags_over = true;
    } else if (!typed.flags_over && word.size() > 1 && word.starts_with('-')) {
      const Flag* flag = find_flag(verb, word.substr(0, word.find('=')));
      if (flag == nullptr) continue;
      typed.flags.push_back(flag);
      if (!flag->value.empty() && !word.contains('=')) typed.open = flag;
    } else {
      ++typed.words;
    }
  }
  return typed;
}

void complete_verb(Completion& completion, const Verb& verb, std::span<const std::string> words) {
  const Typed typed = read_typed(verb, words.first(words.size() - 1));
  if (typed.open != nullptr) return add_values(completion, *typed.open);
  if (!typed.flags_over && completion.begun.starts_with('-')) return add_flags(completion, verb, typed.flags);
  const auto takes = std::ranges::find_if(
      kTakes, [&](const Takes& row) { return row.noun == verb.noun && row.verb == verb.word; });
  if (takes == kTakes.end() || typed.words >= verb.words_max) return;
  const bool said = std::ranges::any_of(typed.flags, [](const Flag* flag) {
    return flag->word == "-c" || flag->word == "-cc" || flag->word == "-bg" || flag->word == "-ss";
  });
  const bool first = typed.words == 0 && !said;
  completion.live = first ? takes->first : takes->rest;
  const bool beside =
      verb.noun == "scen" && verb.word == "apply" ? typed.words == 1 : completion.live != Live::nothing;
  if (beside) add_words(completion, takes->words);
}

}  // namespace

Completion complete(std::span<const std::string> words) {
  Completion completion;
  if (words.empty()) return completion;
  completion.begun = unquoted(words.back());
  std::size_t at = 0;
  for (; at + 1 < words.size() && words[at].starts_with('-'); ++at) {
    if (words[at].starts_with("-c=")) completion.settings_file = words[at].substr(3);
    else if (words[at] == "-c" && at + 2 < words.size()) completion.settings_file = words[++at];
    else if (words[at] == "-c") return completion;  // its file is being typed
  }
  const auto rest = words.subspan(at);
  if (rest.size() == 1) {
    add_nouns(completion);
    completion.candidates.push_back({"help", "what there is, and how it is used"});
    for (const auto& [flag, help] : {std::pair{"-c", "the settings file"},
                                     {"-usage", "every command in a line"},
                                     {"-version", "of octl"}}) {
      if (completion.begun.starts_with('-')) completion.candidates.push_back({flag, help});
    }
  } else if (rest[0] == "help") {
    complete_help(completion, rest.subspan(1));
  } else if (rest.size() == 2) {
    add_verbs(completion, rest[0]);
  } else if (const Verb* verb = find_verb(rest[0], rest[1]); verb != nullptr && verb->run != nullptr) {
    complete_verb(completion, *verb, rest.subspan(2));
    if (completion.live == Live::nodes) complete_term(completion);
  }
  return completion;
}

std::string print(const std::vector<Candidate>& candidates, std::string_view begun) {
  std::string out;
  for (const Candidate& candidate : candidates) {
    // What would not be one word of one line is no candidate.
    if (!candidate.word.starts_with(begun) || visible_line(candidate.word) != candidate.word) continue;
    out += candidate.word;
    if (!candidate.help.empty()) out += "\t" + visible_line(candidate.help);
    out += '\n';
  }
  return out;
}

std::string_view bash_completion() {
  return R"(# octl completion for bash
_octl() {
  local line word typed=${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while IFS= read -r line; do
    word=${line%%$'\t'*}
    if [[ $typed != [\'\"]* ]]; then  # else the quote is open already
      printf -v word %q "$word"
      word=${word//\\[/[} word=${word//\\]/]} word=${word//\\,/,}  # a node set stays readable
    fi
    COMPREPLY+=("$word")
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -o nosort -F _octl octl
)";
}

std::string_view zsh_completion() {
  return R"(#compdef octl
# octl completion for zsh
_octl() {
  local -a candidates
  local line word
  for line in "${(@f)$("$words[1]" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -z $line ]] && continue
    word=${line%%$'\t'*}
    if [[ $line == *$'\t'* ]]; then
      candidates+=("${word//:/\\:}:${line#*$'\t'}")
    else
      candidates+=("${word//:/\\:}")
    fi
  done
  if (( $#candidates )); then
    _describe octl candidates
  else
    _files
  fi
}
if [[ ${funcstack[1]} == _octl ]]; then
  _octl "$@"
else
  compdef _octl octl
fi
)";
}

std::string_view fish_completion() {
  return R"(# octl completion for fish
function __octl_complete
  set -l words (commandline -opc)
  set -l found ($words[1] __complete $words[2..-1] (commandline -ct) 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c octl -f -k -a '(__octl_complete)'
)";
}

}  // namespace octo::octl
