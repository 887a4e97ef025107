// SPDX-License-Identifier: MIT
#include "io/settings/yaml.hpp"
#include "octl/exit_code.hpp"
#include "octl/verbs/bundle.hpp"
#include "octl/verbs/follow.hpp"
#include "octl/verbs/words.hpp"

namespace octo::octl {

Async<Result<int>> scen_apply(Call& call) {
  const std::string& folder = call.line.words[0];
  settings::LoadedDeployment loaded = settings::load_deployment(folder);
  // Asked also where the file has faults, so that all of them are told at once.
  const auto nodes = co_await call.session.call([](client::Brain& brain) { return brain.nodes({}); });
  if (nodes) {
    std::set<NodeName> known;
    for (const NodeInfo& node : nodes->nodes) known.insert(node.record.name);
    settings::add_unknown_nodes(loaded, known);
  }
  for (const settings::Fault& fault : loaded.faults) call.output.say(settings::print(fault));
  if (!loaded.faults.empty()) co_return kUsage;
  if (!nodes) co_return fail(nodes.error());
  for (const settings::Fault& warning : loaded.warnings)
    call.output.say(fmt::format("warning: {}", settings::print(warning)));
  api::Apply apply{.deployment = std::move(loaded.deployment)};
  if (call.line.words.size() > 1) apply.target = call.line.words[1];
  apply.message =
      OCTO_CO_TRY(read_message(call.line, apply.target == "commit" ? Message::needed : Message::welcome));
  OCTO_CO_TRY(
      plan_apply(apply.deployment, apply.target));  // an unknown target is told before anything is sent
  const Bundle bundle = OCTO_CO_TRY(read_bundle(folder, apply.deployment));
  apply.bundle = bundle.id;
  OCTO_CO_TRY(co_await upload(call.session, bundle));
  const Start start = [&](client::Brain& brain, const std::string& key) {
    return brain.apply(apply.deployment.name, apply, key);
  };
  co_return co_await follow(call, {.show = {.kind = TaskKind::apply}}, start);
}

}  // namespace octo::octl
