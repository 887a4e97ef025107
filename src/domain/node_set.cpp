// SPDX-License-Identifier: MIT
#include "domain/node_set.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <unordered_map>

#include "domain/fold.hpp"
#include "domain/node_term.hpp"

namespace octo {

namespace {

// What one selection may look at, in steps of two or three nanoseconds: patterns and ranges are short to
// write and long to answer, and a Brain's loop must not stand still for one request.
constexpr std::uint64_t kWorkMax = 50'000'000;
constexpr std::uint64_t kNameWork = 64;
constexpr std::uint64_t kLabelWork = 16;
constexpr std::uint64_t kPatternWork = 4;
constexpr std::uint64_t kGroupWork = 10'000;  // the context may have to ask a store
constexpr std::size_t kMissingMax = 1000;     // unknown names are told together, but nobody reads more

// A set of the known nodes by their index.
class Chosen {
 public:
  explicit Chosen(std::size_t nodes) : blocks_((nodes + 63) / 64) {}
  void clear() { std::ranges::fill(blocks_, 0); }
  void add(std::size_t node) { blocks_[node / 64] |= std::uint64_t{1} << (node % 64); }
  bool has(std::size_t node) const { return (blocks_[node / 64] >> (node % 64) & 1) != 0; }
  bool empty() const {
    return std::ranges::all_of(blocks_, [](std::uint64_t block) { return block == 0; });
  }
  void combine(char operation, const Chosen& other) {
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const std::uint64_t block = other.blocks_[i];
      switch (operation) {
        case '!': blocks_[i] &= ~block; break;
        case '&': blocks_[i] &= block; break;
        case '^': blocks_[i] ^= block; break;
        default: blocks_[i] |= block;
      }
    }
  }

 private:
  std::vector<std::uint64_t> blocks_;
};

class Selection {
 public:
  explicit Selection(const NodeSetContext& context)
      : context_(context),
        result_(context.known.size()),
        chosen_(context.known.size()),
        term_(context.known.size()) {
    index_.reserve(context.known.size());
    for (std::size_t i = 0; i < context.known.size(); ++i) index_.emplace(context.known[i].name.str(), i);
  }

  Result<void> add(std::string_view word) {
    OCTO_TRY(judge(word));
    word_ = word;
    at_ = 0;
    chosen_.clear();
    for (char operation = ',';; operation = word_[at_++]) {
      term_.clear();
      OCTO_TRY(spend(1 + context_.known.size() / 64));
      OCTO_TRY(read_term());
      chosen_.combine(operation, term_);
      if (at_ == word_.size()) break;
    }
    if (chosen_.empty() && missing_.empty()) {
      return fail(ErrorCode::invalid_argument,
                  "{} comes out empty: no node is left when it is read from left to right", excerpt(word_));
    }
    result_.combine(',', chosen_);
    return {};
  }

  Result<std::vector<NodeName>> take() {
    if (!missing_.empty()) return unknown("");
    std::vector<NodeName> nodes;
    for (std::size_t i = 0; i < context_.known.size(); ++i) {
      if (result_.has(i)) nodes.push_back(context_.known[i].name);
    }
    std::ranges::sort(nodes, natural_less, &NodeName::str);
    if (nodes.size() > limits::targets_max)
      return fail(ErrorCode::too_large, "{} nodes, {} at most", nodes.size(), limits::targets_max);
    return nodes;
  }

 private:
  // Before anything of the word is shown: what cannot be printed is not printed.
  static Result<void> judge(std::string_view word) {
    if (word.empty())
      return fail(ErrorCode::invalid_argument, "an empty word names no node; @all means all of them");
    if (word.size() > limits::node_set_bytes_max) {
      return fail(ErrorCode::too_large, "a node set of {} bytes, {} at most", word.size(),
                  limits::node_set_bytes_max);
    }
    if (!is_utf8(word)) return fail(ErrorCode::invalid_argument, "a node set is not UTF-8");
    for (std::size_t i = 0; i < word.size(); ++i) {
      const auto byte = static_cast<unsigned char>(word[i]);
      const bool high_control = byte == 0xc2 && static_cast<unsigned char>(word[i + 1]) < 0xa0;
      if (byte < 0x20 || byte == 0x7f || high_control) {
        return fail(ErrorCode::invalid_argument, "a node set has a control character at byte {}", i + 1);
      }
    }
    return {};
  }

  Result<void> spend(std::uint64_t work) {
    work_ += work;
    if (work_ <= kWorkMax) return {};
    return fail(ErrorCode::too_large, "{}: too much to look at in one go; use fewer ranges and patterns",
                excerpt(word_, at_));
  }

  Result<void> read_term() {
    const std::size_t end = std::min(word_.find_first_of(kNodeSetOperators, at_), word_.size());
    const std::string_view text = word_.substr(at_, end - at_);
    if (text.empty()) return empty_term();
    if (text[0] == '@' || text == "ALL") {
      OCTO_TRY(choose_group(text[0] == '@' ? text.substr(1) : text));
      at_ = end;
      return {};
    }
    const std::size_t equals = text.find_first_of("[=");
    if (equals != std::string_view::npos && text[equals] == '=') {
      OCTO_TRY(choose_label(text.substr(0, equals), text.substr(equals + 1)));
      at_ = end;
      return {};
    }
    if (text == "brain")
      return wrong(word_, at_, "'brain' is the Brain, not a node: it stands alone, where a verb takes it");
    const NameTerm term = OCTO_TRY(read_name_term(word_, at_));
    OCTO_TRY(spend(term.names * kNameWork));
    std::string name;
    return choose_names(term, 0, name);
  }

  Failure empty_term() const {
    if (at_ == word_.size()) return wrong(word_, at_ - 1, "a name is missing after '{}'", word_[at_ - 1]);
    if (at_ > 0)
      return wrong(word_, at_, "a name is missing between '{}' and '{}'", word_[at_ - 1], word_[at_]);
    return wrong(word_, at_, "a name is missing before '{0}', as in @all{0}pi0", word_[at_]);
  }

  Result<void> choose_group(std::string_view group) {
    const auto known = context_.known;
    if (group.empty() || group == "all" || group == "ALL") {
      if (known.empty()) return fail(ErrorCode::not_found, "no node has joined yet");
      OCTO_TRY(spend(known.size()));
      for (std::size_t i = 0; i < known.size(); ++i) term_.add(i);
      return {};
    }
    const std::size_t bad = group.find_first_of("@[]*?= ");
    if (bad != std::string_view::npos)
      return wrong(word_, at_ + 1 + bad, "'{}' cannot stand in a group's name, write it in full", group[bad]);
    if (group.starts_with('/') || group.ends_with('/') || group.contains("//"))
      return wrong(word_, at_, "a part of the group's name is missing, write it as in @lab or @lab/rack1");
    if (group.size() > limits::group_bytes_max)
      return wrong(word_, at_, "a group's name has {} bytes at most", limits::group_bytes_max);
    OCTO_TRY(spend(kGroupWork));
    const auto members = context_.group ? context_.group(group) : std::nullopt;
    OCTO_TRY(spend(members ? members->size() * kNameWork : 0));
    if (members) {
      for (const NodeName& member : *members) {
        if (const auto found = index_.find(member.str()); found != index_.end()) term_.add(found->second);
      }
    }
    if (!term_.empty()) return {};
    return fail(ErrorCode::not_found, "no group {} with a node in it", excerpt(fmt::format("@{}", group)));
  }

  Result<void> choose_label(std::string_view key, std::string_view value) {
    const std::size_t value_at = at_ + key.size() + 1;
    if (!is_key(key)) {
      return wrong(
          word_, at_,
          "{} is no label's key: 1 to {} letters, digits, '.', '_', '-' and '/', a letter or digit first",
          excerpt(key), limits::label_key_bytes_max);
    }
    if (value.empty()) return wrong(word_, value_at - 1, "a value is missing, {}=* stands for any", key);
    const std::size_t bad = value.find_first_of("[]");
    if (bad != std::string_view::npos)
      return wrong(word_, value_at + bad, "a label's value takes no range, '?' stands for any one character");
    if (value.size() > limits::label_value_bytes_max)
      return wrong(word_, value_at, "a label's value has {} bytes at most", limits::label_value_bytes_max);
    const std::string wanted(key);
    for (std::size_t i = 0; i < context_.known.size(); ++i) {
      const auto& labels = context_.known[i].labels;
      const auto label = labels.find(wanted);
      std::uint64_t steps = kLabelWork;
      if (label != labels.end() && matches_pattern(value, label->second, steps)) term_.add(i);
      OCTO_TRY(spend(steps));
    }
    if (term_.empty()) return no_label(wanted, value);
    return {};
  }

  static bool is_key(std::string_view key) {
    const auto is_plain = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return !key.empty() && key.size() <= limits::label_key_bytes_max && is_plain(key[0]) &&
           std::ranges::all_of(key,
                               [&](char c) { return is_plain(c) || std::string_view("._-/").contains(c); });
  }

  Failure no_label(const std::string& key, std::string_view value) const {
    constexpr std::size_t kShown = 8;
    std::set<std::string> keys;
    std::set<std::string> values;
    for (const NodeTraits& node : context_.known) {
      for (const auto& [each, its] : node.labels) {
        keys.insert(each);
        if (each == key && values.size() <= kShown) values.insert(its);
      }
    }
    if (!values.empty()) {
      std::vector<std::string> shown;
      for (const std::string& each : values) shown.push_back(shown.size() < kShown ? excerpt(each) : "…");
      return fail(ErrorCode::not_found, "no node has the label {}; of {} there is {}",
                  excerpt(fmt::format("{}={}", key, value)), key, fmt::join(shown, ", "));
    }
    const auto nearest = find_nearest(key, std::vector(keys.begin(), keys.end()));
    return fail(ErrorCode::not_found, "no node has a label '{}'{}; labels are set in tentacle.yaml", key,
                nearest ? fmt::format(" (did you mean {}?)", excerpt(*nearest)) : "");
  }

  // Every name that a term stands for; recursion is as deep as there are brackets, and those fit a name.
  Result<void> choose_names(const NameTerm& term, std::size_t part, std::string& name) {
    const std::size_t before = name.size();
    name += term.literals[part];
    if (part == term.brackets.size()) {
      OCTO_TRY(term.is_pattern ? choose_pattern(name) : choose_name(name));
    } else {
      const std::size_t stem = name.size();
      for (const NumberRange& range : term.brackets[part]) {
        for (std::size_t i = 0; i < range.count(); ++i) {
          fmt::format_to(std::back_inserter(name), "{:0{}}", range.first + i * range.step, range.width);
          OCTO_TRY(choose_names(term, part + 1, name));
          name.resize(stem);
        }
      }
    }
    name.resize(before);
    return {};
  }

  Result<void> choose_name(const std::string& name) {
    if (const auto found = index_.find(name); found != index_.end()) term_.add(found->second);
    else return miss(name);
    return {};
  }

  Result<void> choose_pattern(const std::string& pattern) {
    bool any = false;
    for (std::size_t i = 0; i < context_.known.size(); ++i) {
      std::uint64_t steps = kPatternWork;
      if (matches_pattern(pattern, context_.known[i].name.str(), steps)) {
        term_.add(i);
        any = true;
      }
      OCTO_TRY(spend(steps));
    }
    return any ? Result<void>() : miss(pattern);
  }

  Result<void> miss(const std::string& name) {
    if (missing_.size() == kMissingMax && !missing_.contains(name)) return unknown(" and more");
    missing_.insert(name);
    return {};
  }

  Failure unknown(std::string_view more) const {
    constexpr std::size_t kShownBytes = 1000;
    constexpr std::size_t kShown = 10;
    std::vector<std::string> names(missing_.begin(), missing_.end());
    const bool patterns = std::ranges::any_of(
        names, [](const std::string& each) { return each.find_first_of("*?") != std::string::npos; });
    std::string folded = fold_names(names);
    if (folded.size() > kShownBytes && names.size() > kShown) {
      std::ranges::sort(names, natural_less);
      folded = fold_names({names.begin(), names.begin() + kShown});
      more = " and more";
    }
    std::string hint;
    if (names.size() == 1 && !patterns) {
      std::vector<std::string> known;
      for (const NodeTraits& node : context_.known) known.push_back(node.name.str());
      const auto nearest = names[0] == "all" ? "@all" : find_nearest(names[0], known);
      if (nearest) hint = fmt::format(" (did you mean '{}'?)", *nearest);
    }
    return fail(ErrorCode::not_found, "{} {}{}{}; see them with: octl node get",
                patterns ? "no node matches" : "no such node:", folded, more, hint);
  }

  const NodeSetContext& context_;
  std::unordered_map<std::string_view, std::size_t> index_;
  Chosen result_;  // of all words
  Chosen chosen_;  // of this word so far
  Chosen term_;    // of this term
  std::set<std::string> missing_;
  std::string_view word_;
  std::size_t at_ = 0;
  std::uint64_t work_ = 0;
};

}  // namespace

Result<std::vector<NodeName>> select_nodes(std::span<const std::string> words,
                                           const NodeSetContext& context) {
  if (words.empty()) return fail(ErrorCode::invalid_argument, "no node is named; @all means all of them");
  if (words.size() > limits::targets_max) {
    return fail(ErrorCode::too_large, "{} words for nodes, {} at most", words.size(), limits::targets_max);
  }
  Selection selection(context);
  for (const std::string& word : words) OCTO_TRY(selection.add(word));
  return selection.take();
}

}  // namespace octo
