// SPDX-License-Identifier: MIT
// libFuzzer target: whatever words for nodes somebody writes, they are judged without a crash; what is
// selected is known, sorted, there once, and the same again when its folded form is read. Lines are words.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "domain/fold.hpp"
#include "domain/node_set.hpp"

namespace octo {
namespace {

void require(bool fact) {
  if (!fact) std::abort();
}

std::vector<NodeTraits> make_fleet() {
  std::vector<NodeTraits> nodes;
  for (const auto* name :
       {"pi0", "pi1", "pi2", "pi10", "pi01", "pi02", "pi09", "pi010", "r1n1", "r1n2", "r2n1", "r2n2",
        "a.b-c_d", "7", "07", "n1234567890", "n1234567891", "all", "PI0"}) {
    nodes.push_back({NodeName(name), {}});
  }
  nodes[0].labels = {{"arch", "arm64"}, {"site/room", "Grüner Saal"}};
  nodes[1].labels = {{"arch", "amd64"}, {"gpu", ""}};
  nodes[2].labels = {{"arch", "*?"}};
  return nodes;
}

std::optional<std::vector<NodeName>> members_of(std::string_view group) {
  if (group == "a") return std::vector{NodeName("pi0"), NodeName("gone"), NodeName("pi0")};
  if (group == "a/b") return std::vector{NodeName("7"), NodeName("pi10")};
  if (group == "void") return std::vector<NodeName>{};
  return std::nullopt;
}

void judge(const std::vector<std::string>& words) {
  static const std::vector<NodeTraits> kFleet = make_fleet();
  const NodeSetContext context{kFleet, members_of};
  const auto nodes = select_nodes(words, context);
  if (!nodes) return require(!nodes.error().message().empty() && is_utf8(nodes.error().message()));
  require(!nodes->empty());
  std::vector<std::string> names;
  for (const NodeName& node : *nodes) {
    require(std::ranges::find(kFleet, node, &NodeTraits::name) != kFleet.end());
    require(names.empty() || natural_less(names.back(), node.str()));
    names.push_back(node.str());
  }
  const std::vector<std::string> folded{fold_names(names)};
  const auto again = select_nodes(folded, context);
  require(again && *again == *nodes);
}

}  // namespace
}  // namespace octo

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  octo::judge(octo::split({reinterpret_cast<const char*>(data), size}, '\n'));
  return 0;
}
