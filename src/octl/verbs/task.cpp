// SPDX-License-Identifier: MIT
#include "octl/exit_code.hpp"
#include "octl/print/tasks.hpp"
#include "octl/verbs/follow.hpp"

namespace octo::octl {

Async<Result<int>> task_list(Call& call) {
  const std::string state = call.line.text("--state");
  const std::string page = call.line.text("--page");
  if (!state.empty() && !find_task_state(state)) {
    co_return fail(
        ErrorCode::invalid_argument,
        "--state {}: one of running, succeeded, failed, cancelled, timed_out, rejected, lost is expected",
        quote(state));
  }
  const std::uint64_t limit = OCTO_CO_TRY(call.line.number("-l", 20, 1));
  const auto list = OCTO_CO_TRY(co_await call.session.call(
      [&](client::Brain& brain) { return brain.tasks(state, static_cast<std::size_t>(limit), page); }));
  call.output.print(document_of(list));
  co_return kWell;
}

Async<Result<int>> task_show(Call& call) {
  const TaskId id = OCTO_CO_TRY(parse_task_id(call.line.words[0]));
  const auto detail =
      OCTO_CO_TRY(co_await call.session.call([&](client::Brain& brain) { return brain.task(id); }));
  call.output.print(document_of(detail));
  co_return kWell;
}

Async<Result<int>> task_attach(Call& call) {
  const TaskId id = OCTO_CO_TRY(parse_task_id(call.line.words[0]));
  const auto detail =
      OCTO_CO_TRY(co_await call.session.call([&](client::Brain& brain) { return brain.task(id); }));
  const Show show{.kind = detail.summary.kind, .one_target = detail.runs.size() == 1};
  co_return co_await attach(call, show, id);
}

Async<Result<int>> task_cancel(Call& call) {
  const TaskId id = OCTO_CO_TRY(parse_task_id(call.line.words[0]));
  OCTO_CO_TRY(co_await call.session.post(
      [&](client::Brain& brain, const std::string& key) { return brain.cancel(id, key); }));
  if (call.output.for_people()) {
    call.output.write(fmt::format("task {} is being cancelled\n", id));
  } else {
    call.output.print({.json = Json::Object{{"task", id}, {"cancel_requested", true}}});
  }
  co_return kWell;
}

}  // namespace octo::octl
