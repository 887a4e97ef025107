// SPDX-License-Identifier: MIT
#include <algorithm>

#include "octl/exit_code.hpp"
#include "octl/print/nodes.hpp"
#include "octl/verbs/verbs.hpp"
#include "octl/verbs/words.hpp"

namespace octo::octl {

Async<Result<int>> node_get(Call& call) {
  const std::vector<std::string> names = read_nodes(call.line.words);
  api::NodeList list =
      OCTO_CO_TRY(co_await call.session.call([&](client::Brain& brain) { return brain.nodes(names); }));
  if (const std::string filter = lower(call.line.text("-sf")); !filter.empty()) {
    std::erase_if(list.nodes, [&](const NodeInfo& node) { return !name_of(node.state).contains(filter); });
  }
  call.output.print(document_of(list));
  co_return kWell;
}

Async<Result<int>> node_status(Call& call) {
  const std::vector<std::string> names = read_nodes(call.line.words);
  // The Brain is no node: ALL does not mean it, so it may stand beside.
  const bool everything = std::ranges::any_of(call.line.words, is_everything) || names.empty();
  const auto list =
      OCTO_CO_TRY(co_await call.session.call([&](client::Brain& brain) { return brain.node_status(names); }));
  call.output.print(document_of(list));
  const bool all =
      std::ranges::all_of(list.nodes, [](const api::NodeStatus& node) { return node.status.has_value(); });
  // Of a whole workgroup some nodes are always away; of nodes that were named none should be.
  co_return all || everything ? kWell : kNotReached;
}

Async<Result<int>> node_prune(Call& call) {
  const std::vector<std::string> words = read_nodes(call.line.words);
  const api::Prune prune{.all = words.empty(), .names = words};
  const auto pruned = OCTO_CO_TRY(co_await call.session.post(
      [&](client::Brain& brain, const std::string& key) { return brain.prune(prune, key); }));
  call.output.print(document_of(pruned));
  co_return pruned.kept.empty() || prune.all ? kWell : kConflict;
}

Async<Result<int>> node_expand(Call& call) {
  const api::NodeList list = OCTO_CO_TRY(
      co_await call.session.call([&](client::Brain& brain) { return brain.nodes(call.line.words); }));
  call.output.print(names_of(list));
  co_return kWell;
}

}  // namespace octo::octl
