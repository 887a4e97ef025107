// SPDX-License-Identifier: MIT
#include "domain/node.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "domain/node_set.hpp"

#include "domain/limits.hpp"

namespace octo {

std::string_view name_of(NodeState state) {
  switch (state) {
    case NodeState::online: return "online";
    case NodeState::suspect: return "suspect";
    case NodeState::offline: return "offline";
  }
  return "offline";
}

NodeState state_after(Span silence) {
  if (silence >= limits::offline_after) return NodeState::offline;
  return silence >= limits::suspect_after ? NodeState::suspect : NodeState::online;
}

Result<void> check(const Labels& labels) {
  if (labels.size() > kLabelsMax)
    return fail(ErrorCode::too_large, "{} labels, {} at most", labels.size(), kLabelsMax);
  const std::string* before = nullptr;
  for (const auto& [key, value] : labels) {
    if (before != nullptr && *before >= key)
      return fail(ErrorCode::invalid_argument, "label {} is there twice or out of order", quote(key));
    before = &key;
    // Judged by those who read sets: what they cannot name is no label.
    const std::string word = key + "=" + value;
    const NodeTraits self{NodeName("n"), {{key, value}}};
    const auto found = select_nodes(std::span(&word, 1), {std::span(&self, 1), nullptr});
    if (!found || value.empty() || value.find_first_of("*?") != std::string::npos) {
      return fail(ErrorCode::invalid_argument, "label {}: {} cannot be named in a node set", quote(key),
                  quote(value));
    }
  }
  return {};
}

std::string print_labels(const Labels& labels) {
  std::string text;
  for (const auto& [key, value] : labels)
    text += fmt::format("{}{}={}", text.empty() ? "" : "\n", key, value);
  return text;
}

Labels parse_labels(std::string_view text) {
  Labels labels;
  if (text.empty()) return labels;
  for (const std::string& line : split(text, '\n')) {
    const std::size_t equals = std::min(line.find('='), line.size());
    labels.emplace_back(line.substr(0, equals), line.substr(std::min(equals + 1, line.size())));
  }
  return labels;
}

}  // namespace octo
