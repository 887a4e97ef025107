// SPDX-License-Identifier: MIT
#include "octl/command_line.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "octl/nearest.hpp"
#include "octl/quantity.hpp"

namespace octo::octl {

namespace {

using Words = std::span<const std::string>;

std::unexpected<Misuse> misuse(std::string sentence, std::string hint,
                               ErrorCode code = ErrorCode::invalid_argument) {
  return std::unexpected(Misuse{.error = Error(code, std::move(sentence)), .hint = std::move(hint)});
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const auto nearest = find_meant(word, candidates);
  return nearest ? fmt::format("did you mean: octl {}", *nearest) : std::string();
}

bool asks_for_help(std::string_view word) { return word == "-h" || word == "-help" || word == "--help"; }

std::unexpected<Misuse> unknown_noun(const std::string& word) {
  // The README prints both without "wg".
  if (word == "ls" || word == "cd") {
    return misuse(fmt::format("{} is `octl wg {}`, which is not available in version {}", quote(word), word,
                              OCTO_VERSION),
                  "", ErrorCode::unsupported);
  }
  std::vector<std::string> candidates = {"help"};
  for (const Noun& noun : nouns()) candidates.emplace_back(noun.word);
  std::string hint = did_you_mean(word, candidates);
  return misuse(fmt::format("unknown subcommand {}", quote(word)),
                hint.empty() ? "see: octl help" : std::move(hint));
}

std::unexpected<Misuse> unknown_flag(const Verb& verb, const std::string& word) {
  if (word == "-c")
    return misuse("-c is the settings file and goes before the noun", "octl -c <file> " + name_of(verb));
  std::vector<std::string> candidates;
  for (const std::span<const Flag> flags : {verb.flags, common_flags()}) {
    for (const Flag& flag : flags) {
      candidates.emplace_back(flag.word);
      if (!flag.longer.empty()) candidates.emplace_back(flag.longer);
    }
  }
  std::string hint;
  // Of two letters everything is within reach of everything: suggest for long words only.
  if (const auto nearest = word.size() > 3 ? find_meant(word, candidates) : std::nullopt) {
    hint = fmt::format("did you mean: {}", *nearest);
  } else {
    hint = usage_of(verb);
    if (verb.noun == "cmd") hint += "\nquote a command of several words: octl cmd run 'ls -l' <node>";
  }
  return misuse(fmt::format("{} does not know the flag {}", name_of(verb), quote(word)), std::move(hint));
}

// Takes the flag at words[at] and leaves `at` at its last word.
std::expected<void, Misuse> take_flag(CommandLine& line, Words words, std::size_t& at) {
  const Verb& verb = *line.verb;
  const std::string& whole = words[at];
  const std::size_t equals = whole.find('=');
  const std::string name = whole.substr(0, equals);
  const Flag* flag = find_flag(verb, name);
  if (flag == nullptr) return unknown_flag(verb, name);
  std::string value = "true";
  if (equals != std::string::npos) {
    value = whole.substr(equals + 1);
  } else if (!flag->value.empty()) {
    if (at + 1 == words.size())
      return misuse(fmt::format("{} needs a value: {} {}", name, name, flag->value), usage_of(verb));
    value = words[++at];
  }
  if (flag->value.empty() && value != "true" && value != "false") {
    return misuse(fmt::format("{} takes no value but true or false, not {}", name, quote(value)),
                  usage_of(verb));
  }
  if (flag->use == Use::missing && value != "false") {
    return misuse(fmt::format("{} ({}) is not available in version {}", name, flag->help, OCTO_VERSION), "",
                  ErrorCode::unsupported);
  }
  if (flag->word == "--output") {
    line.output = find_format(value);
    if (!line.output)
      return misuse(fmt::format("--output {} is unknown", quote(value)),
                    "known: table, text, json, jsonl, yaml");
  } else if (flag->use != Use::often && line.given(flag->word)) {
    return misuse(fmt::format("{} is given twice", name), usage_of(verb));
  } else {
    line.flags.emplace(flag->word, value);
  }
  return {};
}

std::expected<CommandLine, Misuse> parse_verb(CommandLine line, Words words) {
  bool flags_over = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!flags_over && asks_for_help(word)) {
      line.kind = CommandLine::Kind::help;
      line.topic = {std::string(line.verb->noun), std::string(line.verb->word)};
      return line;
    }
    if (line.verb->run == nullptr) continue;  // only its help is there
    if (!flags_over && word == "--") {
      flags_over = true;
    } else if (!flags_over && word.size() > 1 && word.starts_with('-')) {
      if (auto taken = take_flag(line, words, i); !taken) return std::unexpected(std::move(taken.error()));
    } else {
      line.words.push_back(word);
    }
  }
  const Verb& verb = *line.verb;
  if (verb.run == nullptr) {
    return misuse(fmt::format("{} is not available in version {}", name_of(verb), OCTO_VERSION),
                  "see: octl help", ErrorCode::unsupported);
  }
  if (line.words.size() < verb.words_min)
    return misuse(fmt::format("{} needs more words", name_of(verb)), usage_of(verb));
  if (line.words.size() > verb.words_max) {
    return misuse(
        fmt::format("{} does not know what to do with {}", name_of(verb), quote(line.words[verb.words_max])),
        usage_of(verb));
  }
  return line;
}

// What may stand before the noun. Leaves `at` at the noun, or at the end when nothing follows.
std::expected<void, Misuse> take_front(CommandLine& line, Words words, std::size_t& at) {
  constexpr std::string_view kSettings = "usage: octl -c <file> <noun> <verb> ...";
  for (; at < words.size() && words[at].starts_with('-'); ++at) {
    const std::string& word = words[at];
    const bool settings = word == "-c" || word.starts_with("-c=");
    if (word == "-version" || word == "--version") line.kind = CommandLine::Kind::version;
    else if (word == "-usage" || word == "--usage") line.kind = CommandLine::Kind::usage;
    else if (asks_for_help(word)) line.kind = CommandLine::Kind::help;
    else if (!settings)
      return misuse(fmt::format("unknown flag {} before the noun", quote(word)), "see: octl -usage");
    else if (word != "-c") line.settings_file = word.substr(3);
    else if (at + 1 < words.size()) line.settings_file = words[++at];
    else return misuse("-c needs a value: the settings file", std::string(kSettings));
    if (settings && line.settings_file.empty())
      return misuse("-c is empty: the settings file is expected", std::string(kSettings));
  }
  return {};
}

}  // namespace

Misuse unknown_verb(std::string_view noun, std::string_view word, std::string_view before) {
  std::vector<std::string> candidates;
  for (const Verb& verb : verbs()) {
    if (verb.noun == noun) candidates.emplace_back(verb.word);
  }
  const auto nearest = find_meant(word, candidates);
  return {.error = Error(ErrorCode::invalid_argument, fmt::format("{} has no verb {}", noun, quote(word))),
          .hint = nearest ? fmt::format("did you mean: {} {} {}", before, noun, *nearest)
                          : fmt::format("{} has: {}", noun, join(candidates, ", "))};
}

std::string usage_of(const Verb& verb) {
  return fmt::format("usage: octl {}{}{}", name_of(verb), verb.usage.empty() ? "" : " ", verb.usage);
}

std::expected<CommandLine, Misuse> parse(Words words) {
  CommandLine line;
  std::size_t at = 0;
  if (auto taken = take_front(line, words, at); !taken) return std::unexpected(std::move(taken.error()));
  if (line.kind != CommandLine::Kind::verb) return line;
  if (at == words.size())
    return misuse("what shall I do?", "usage: octl [-c <file>] <noun> <verb> ...\nsee: octl help");
  const std::string& noun = words[at++];
  if (noun == "help") {
    line.kind = CommandLine::Kind::help;
    line.topic.assign(words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
    return line;
  }
  if (noun == kComplete) {
    line.kind = CommandLine::Kind::complete;
    line.topic.assign(words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
    return line;
  }
  if (std::ranges::find(nouns(), noun, &Noun::word) == nouns().end()) return unknown_noun(noun);
  if (at == words.size() || asks_for_help(words[at])) {
    if (at == words.size())
      return misuse(fmt::format("{} needs a verb", noun), fmt::format("see: octl help {}", noun));
    line.kind = CommandLine::Kind::help;
    line.topic = {noun};
    return line;
  }
  line.verb = find_verb(noun, words[at]);
  if (line.verb == nullptr) return std::unexpected(unknown_verb(noun, words[at], "octl"));
  return parse_verb(std::move(line), words.subspan(at + 1));
}

std::string CommandLine::text(std::string_view flag) const {
  const auto found = flags.find(flag);
  return found == flags.end() ? std::string() : found->second;
}

std::vector<std::string> CommandLine::all(std::string_view flag) const {
  std::vector<std::string> values;
  const auto [begin, end] = flags.equal_range(flag);
  for (auto each = begin; each != end; ++each) values.push_back(each->second);
  return values;
}

Result<std::uint64_t> CommandLine::number(std::string_view flag, std::uint64_t otherwise,
                                          std::uint64_t low) const {
  if (!given(flag)) return otherwise;
  const auto value = parse_number(text(flag));
  if (!value || *value < static_cast<std::int64_t>(low)) {
    return fail(ErrorCode::invalid_argument, "{} {}: a whole number from {} on is expected", flag,
                quote(text(flag)), low);
  }
  return static_cast<std::uint64_t>(*value);
}

Result<std::optional<Span>> CommandLine::span(std::string_view flag) const {
  if (!given(flag)) return std::optional<Span>();
  const auto value = parse_span(text(flag));
  if (!value)
    return fail(ErrorCode::invalid_argument, "{} {}: a time like 500ms, 10s, 5m or 2h is expected", flag,
                quote(text(flag)));
  return value;
}

}  // namespace octo::octl
