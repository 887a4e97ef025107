// SPDX-License-Identifier: MIT
#include "octl/verbs/words.hpp"

#include <algorithm>

#include "domain/limits.hpp"

namespace octo::octl {

namespace {
constexpr std::size_t kPrefixCharactersMin = 3;
}

bool is_everything(const std::string& word) {
  return word == "ALL" || word == "@all" || word == "@ALL" || word == "@";
}

std::vector<std::string> read_nodes(std::span<const std::string> words) {
  if (std::ranges::all_of(words, is_everything)) return {};
  return {words.begin(), words.end()};
}

Result<TaskId> read_task_id(std::string_view word) {
  if (word.find_first_of("ILOU") != std::string_view::npos)
    return fail(ErrorCode::invalid_argument, "{} is no task id: it never has I, L, O or U", quote(word));
  return parse_task_id(word);
}

Result<ScenarioName> read_scenario(std::span<const std::string> words) {
  if (words.size() == 2 && words[0] == "scenario") return parse_scenario_name(words[1]);
  if (words.size() == 1) return parse_scenario_name(words[0]);
  return fail(ErrorCode::invalid_argument, "one scenario is expected, not {}", fmt::join(words, " "));
}

Result<std::string> read_version(const CommandLine& line) {
  std::string prefix = line.text("-v");
  if (prefix.empty()) return fail(ErrorCode::invalid_argument, "-v <version> is missing: to which version?");
  if (prefix.size() < kPrefixCharactersMin) {
    return fail(ErrorCode::invalid_argument, "-v {}: give {} characters of the version at least",
                quote(prefix), kPrefixCharactersMin);
  }
  return prefix;
}

Result<std::string> read_message(const CommandLine& line, Message need) {
  std::string message(trim(line.text("-m")));
  if (message.empty() && need == Message::needed) {
    return fail(ErrorCode::invalid_argument, "-m <message> is missing: say what this version is about");
  }
  if (message.size() > limits::message_bytes_max) {
    return fail(ErrorCode::too_large, "-m: a message of {} bytes, {} at most", message.size(),
                limits::message_bytes_max);
  }
  return message;
}

}  // namespace octo::octl
