// SPDX-License-Identifier: MIT
#include "domain/node.hpp"

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

}  // namespace octo
