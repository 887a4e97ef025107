// SPDX-License-Identifier: MIT
#include "octl/help.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "octl/exit_code.hpp"
#include "octl/nearest.hpp"

namespace octo::octl {

namespace {

constexpr std::string_view kEnvironment =
    "Environment\n"
    "  OCTL_CONFIG     the settings file, unless -c says another; else /etc/octopoda/octl/octl.yaml, then "
    "./octl.yaml\n"
    "  OCTL_NOPRINT    print no result and no progress; errors and the exit code remain\n"
    "  OCTL_NOCOLOR    no colours; NO_COLOR means the same\n"
    "  OCTL_NOSPINNER  no line that tells how far a long task is\n";

std::string verbs_of(const Noun& noun) {
  std::string out;
  for (const Verb& verb : verbs()) {
    if (verb.noun != noun.word || verb.run == nullptr) continue;
    out += fmt::format("  octl {}{}{}\n      {}\n", name_of(verb), verb.usage.empty() ? "" : " ", verb.usage,
                       verb.help);
  }
  return out;
}

std::string missing_verbs_of(const Noun& noun) {
  std::vector<std::string> missing;
  for (const Verb& verb : verbs()) {
    if (verb.noun == noun.word && verb.run == nullptr) missing.emplace_back(verb.word);
  }
  return join(missing, ", ");
}

std::string print_overview() {
  std::string out =
      "octl runs commands, scripts and scenarios on the nodes of an Octopoda network.\n\n"
      "usage: octl [-c <settings file>] <noun> <verb> [<words and flags>]\n"
      "       octl help [<noun> [<verb>] | exit | environment]    octl -usage    octl -version\n";
  std::string missing;
  for (const Noun& noun : nouns()) {
    const std::string available = verbs_of(noun);
    if (!available.empty()) out += fmt::format("\n{} ({})\n{}", noun.title, noun.word, available);
    if (const std::string verbs = missing_verbs_of(noun); !verbs.empty())
      missing += fmt::format("  {}: {}\n", noun.word, verbs);
  }
  out += fmt::format("\nNot available in version {}\n{}", OCTO_VERSION, missing);
  return out +
         "\nFlags are whole words, anywhere after the verb: -x v, -x=v, --long v, --long=v; -- ends them.\n";
}

std::string print_noun(const Noun& noun) {
  std::string out = fmt::format("{} ({})\n{}", noun.title, noun.word, verbs_of(noun));
  if (const std::string missing = missing_verbs_of(noun); !missing.empty()) {
    out += fmt::format("\nNot available in version {}: {}\n", OCTO_VERSION, missing);
  }
  return out;
}

std::string print_flags(std::span<const Flag> flags) {
  std::string out;
  for (const Flag& flag : flags) {
    std::string words = fmt::format("{}{}{}", flag.word, flag.longer.empty() ? "" : ", ", flag.longer);
    if (!flag.value.empty()) words += fmt::format(" {}", flag.value);
    out += fmt::format("  {:<32}  {}{}\n", words, flag.help,
                       flag.use != Use::missing ? "" : " (not available in this version)");
  }
  return out;
}

std::string print_verb(const Verb& verb) {
  if (verb.run == nullptr) {
    return fmt::format("{}\n\n{}.\n\nNot available in version {}.\n", usage_of(verb), verb.help,
                       OCTO_VERSION);
  }
  std::string out = fmt::format("{}\n\n{}.\n", usage_of(verb), verb.help);
  if (!verb.more.empty()) out += fmt::format("\n{}\n", verb.more);
  return out + "\nFlags\n" + print_flags(verb.flags) + print_flags(common_flags());
}

std::expected<std::string, Misuse> unknown_topic(std::string_view word) {
  std::vector<std::string> topics = {"exit", "environment"};
  for (const Noun& noun : nouns()) topics.emplace_back(noun.word);
  const auto nearest = find_meant(word, topics);
  return std::unexpected(
      Misuse{.error = Error(ErrorCode::invalid_argument, fmt::format("no help about {}", quote(word))),
             .hint = nearest ? fmt::format("did you mean: octl help {}", *nearest)
                             : fmt::format("topics: {}", join(topics, ", "))});
}

std::unexpected<Misuse> nothing_below(std::span<const std::string> topic, std::size_t known) {
  const std::string above = join(topic.first(known), " ");
  return std::unexpected(Misuse{
      .error = Error(ErrorCode::invalid_argument,
                     fmt::format("the help about {} has nothing about {}", above, quote(topic[known]))),
      .hint = fmt::format("did you mean: octl help {}", above)});
}

}  // namespace

std::expected<std::string, Misuse> print_help(std::span<const std::string> topic) {
  if (topic.empty()) return print_overview();
  const std::string words = lower(join(topic, " "));
  if (words == "exit") return std::string(exit_codes_text());
  if (words == "environment") return std::string(kEnvironment);
  for (const Noun& noun : nouns()) {
    // The original's class names are accepted too: "Node", "Command", "Scenario Deployment".
    const std::string title = lower(noun.title);
    if (words == noun.word || title == words || title.starts_with(words + " ")) return print_noun(noun);
  }
  if (topic.size() == 1) return unknown_topic(topic[0]);
  if (std::ranges::find(nouns(), topic[0], &Noun::word) == nouns().end()) {
    if (words.starts_with("exit ") || words.starts_with("environment ")) return nothing_below(topic, 1);
    return unknown_topic(topic[0]);
  }
  const Verb* verb = find_verb(topic[0], topic[1]);
  if (verb == nullptr) return std::unexpected(unknown_verb(topic[0], topic[1], "octl help"));
  if (topic.size() > 2) return nothing_below(topic, 2);
  return print_verb(*verb);
}

std::string print_usage() {
  std::string out;
  for (const Verb& verb : verbs()) {
    if (verb.run != nullptr) out += usage_of(verb) + "\n";
  }
  return out;
}

}  // namespace octo::octl
