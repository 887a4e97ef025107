// SPDX-License-Identifier: MIT
#include "octl/exit_code.hpp"
#include "octl/print/scenarios.hpp"
#include "octl/verbs/follow.hpp"
#include "octl/verbs/words.hpp"

namespace octo::octl {

Async<Result<int>> napp_get(Call& call) {
  const std::vector<std::string>& words = call.line.words;
  const NodeName node = OCTO_CO_TRY(parse_node_name(words[0]));
  if (words.size() == 1 || is_everything(words[1])) {
    const auto list =
        OCTO_CO_TRY(co_await call.session.call([&](client::Brain& brain) { return brain.apps(node); }));
    call.output.print(document_of(list, Detail::brief));
    co_return kWell;
  }
  const AppAt app = OCTO_CO_TRY(parse_app_at(words[1]));
  const auto list = OCTO_CO_TRY(
      co_await call.session.call([&](client::Brain& brain) { return brain.app(node, app, 0, 3); }));
  call.output.print(document_of(list, Detail::full));
  co_return kWell;
}

Async<Result<int>> napp_version(Call& call) {
  const NodeName node = OCTO_CO_TRY(parse_node_name(call.line.words[0]));
  const AppAt app = OCTO_CO_TRY(parse_app_at(call.line.words[1]));
  const std::uint64_t offset = OCTO_CO_TRY(call.line.number("-o", 0));
  const std::uint64_t limit = OCTO_CO_TRY(call.line.number("-l", 5, 1));
  const auto list = OCTO_CO_TRY(
      co_await call.session.call([&](client::Brain& brain) { return brain.app(node, app, offset, limit); }));
  call.output.print(versions_of(list));
  co_return kWell;
}

Async<Result<int>> napp_reset(Call& call) {
  const NodeName node = OCTO_CO_TRY(parse_node_name(call.line.words[0]));
  const AppAt app = OCTO_CO_TRY(parse_app_at(call.line.words[1]));
  const api::Reset reset{.version = OCTO_CO_TRY(read_version(call.line)),
                         .message = OCTO_CO_TRY(read_message(call.line, Message::needed))};
  const Start start = [&](client::Brain& brain, const std::string& key) {
    return brain.reset_app(node, app, reset, key);
  };
  co_return co_await follow(call, {.show = {.kind = TaskKind::reset}}, start);
}

}  // namespace octo::octl
