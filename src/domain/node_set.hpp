// SPDX-License-Identifier: MIT
// Node sets: what people write for "these nodes", as names. The grammar is in spec/node-sets.md.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "domain/limits.hpp"
#include "domain/names.hpp"

namespace octo {

namespace limits {
inline constexpr std::size_t node_set_bytes_max =
    targets_max * 64;  // of one word: whatever fold_names prints of a selection can be read back
inline constexpr std::size_t node_name_bytes_max = 63;
inline constexpr std::size_t number_digits_max = 9;     // in brackets, as fold_names writes them
inline constexpr std::size_t label_key_bytes_max = 63;  // as a node's name
inline constexpr std::size_t label_value_bytes_max = 255;
inline constexpr std::size_t group_bytes_max = 255;
}  // namespace limits

struct NodeTraits {
  NodeName name;
  std::map<std::string, std::string> labels;
};

// What a set is judged against. Nothing outside `known` is ever selected or named in an error, so the
// caller's scope is kept by handing in only what the asker may see.
struct NodeSetContext {
  std::span<const NodeTraits> known;  // each name once; outlives the call
  // The members of "a/b", written @a/b; nothing when there is no such group. Members that are not known are
  // passed over, and a group with no known member gets the same answer as one that does not exist. May be
  // empty: no groups.
  std::function<std::optional<std::vector<NodeName>>(std::string_view group)> group;
};

// The nodes that the words name together, each once, in natural order, at least one. Errors: invalid_argument
// with the place (grammar, no word, a word that takes away all it names), not_found (names, ranges, patterns,
// labels, groups that match nothing, wherever they stand), too_large (see limits, and a bound on the work).
Result<std::vector<NodeName>> select_nodes(std::span<const std::string> words, const NodeSetContext& context);

}  // namespace octo
