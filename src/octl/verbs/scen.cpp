// SPDX-License-Identifier: MIT
#include "domain/limits.hpp"
#include "octl/exit_code.hpp"
#include "octl/print/scenarios.hpp"
#include "octl/verbs/follow.hpp"
#include "octl/verbs/words.hpp"

namespace octo::octl {

Async<Result<int>> scen_get(Call& call) {
  const std::vector<std::string>& words = call.line.words;
  if (words.empty() || (words.size() == 1 && is_everything(words[0]))) {
    const auto list =
        OCTO_CO_TRY(co_await call.session.call([](client::Brain& brain) { return brain.scenarios(); }));
    call.output.print(document_of(list));
    co_return kWell;
  }
  const ScenarioName name = OCTO_CO_TRY(read_scenario(words));
  const auto scenario =
      OCTO_CO_TRY(co_await call.session.call([&](client::Brain& brain) { return brain.scenario(name); }));
  call.output.print(OCTO_CO_TRY(document_of(scenario)));
  co_return kWell;
}

Async<Result<int>> scen_version(Call& call) {
  const ScenarioName name = OCTO_CO_TRY(read_scenario(call.line.words));
  const std::uint64_t offset = OCTO_CO_TRY(call.line.number("-o", 0));
  const std::uint64_t limit = OCTO_CO_TRY(call.line.number("-l", 5, 1));
  const auto list = OCTO_CO_TRY(
      co_await call.session.call([&](client::Brain& brain) { return brain.versions(name, offset, limit); }));
  call.output.print(document_of(list));
  co_return kWell;
}

Async<Result<int>> scen_reset(Call& call) {
  const ScenarioName name = OCTO_CO_TRY(read_scenario(call.line.words));
  const api::Reset reset{.version = OCTO_CO_TRY(read_version(call.line)),
                         .message = OCTO_CO_TRY(read_message(call.line, Message::needed))};
  const Start start = [&](client::Brain& brain, const std::string& key) {
    return brain.reset_scenario(name, reset, key);
  };
  co_return co_await follow(call, {.show = {.kind = TaskKind::reset}}, start);
}

}  // namespace octo::octl
