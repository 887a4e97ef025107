// SPDX-License-Identifier: MIT
#include <algorithm>

#include "io/files/files.hpp"
#include "octl/exit_code.hpp"
#include "octl/print/tasks.hpp"
#include "octl/verbs/follow.hpp"
#include "octl/verbs/words.hpp"

namespace octo::octl {

namespace {

Async<Result<api::TaskDetail>> find_task(Call& call, const TaskId& id) {
  co_return co_await call.session.call([&](client::Brain& brain) { return brain.task(id); });
}

bool has_one_target(const api::TaskDetail& detail) {
  return !detail.runs.empty() && std::ranges::all_of(detail.runs, [&](const RunRow& run) {
    return run.id.node == detail.runs.front().id.node && run.id.step == detail.runs.front().id.step;
  });
}

// Names of the task's own nodes are taken as they are: a node may have been pruned since. Other words are
// for the Brain to judge.
Async<Result<std::set<NodeName>>> select(Call& call, const api::TaskDetail& detail,
                                         const std::vector<std::string>& words) {
  std::set<NodeName> ran, wanted;
  for (const RunRow& run : detail.runs) ran.insert(run.id.node);
  std::vector<std::string> sets;
  for (const std::string& word : words) {
    if (ran.contains(NodeName(word))) wanted.insert(NodeName(word));
    else if (!is_everything(word)) sets.push_back(word);
    else wanted = ran;
  }
  if (!sets.empty()) {
    const auto list =
        OCTO_CO_TRY(co_await call.session.call([&](client::Brain& brain) { return brain.nodes(sets); }));
    for (const NodeInfo& node : list.nodes) {
      if (ran.contains(node.record.name)) wanted.insert(node.record.name);
    }
  }
  if (wanted.empty() && !words.empty())
    co_return fail(ErrorCode::not_found, "task {} has no run on {}", detail.summary.id, join(words, " "));
  co_return wanted;
}

}  // namespace

Async<Result<int>> task_list(Call& call) {
  client::Brain::TaskQuery query{.state = call.line.text("--state"),
                                 .caller = call.line.text("--caller"),
                                 .node = call.line.text("--node"),
                                 .limit = 0,
                                 .page = call.line.text("--page")};
  if (!query.state.empty() && !find_task_state(query.state)) {
    co_return fail(
        ErrorCode::invalid_argument,
        "--state {}: one of running, succeeded, failed, cancelled, timed_out, rejected, lost is expected",
        quote(query.state));
  }
  if (call.line.given("--page")) OCTO_CO_TRY(read_task_id(query.page).with("--page"));
  if (call.line.given("--node")) OCTO_CO_TRY(parse_node_name(query.node).with("--node"));
  query.limit = static_cast<std::size_t>(OCTO_CO_TRY(call.line.number("-l", 20, 1)));
  const auto list =
      OCTO_CO_TRY(co_await call.session.call([&](client::Brain& brain) { return brain.tasks(query); }));
  call.output.print(document_of(list));
  co_return kWell;
}

Async<Result<int>> task_show(Call& call) {
  const TaskId id = OCTO_CO_TRY(read_task_id(call.line.words[0]));
  call.output.print(document_of(OCTO_CO_TRY(co_await find_task(call, id))));
  co_return kWell;
}

Async<Result<int>> task_attach(Call& call) {
  const TaskId id = OCTO_CO_TRY(read_task_id(call.line.words[0]));
  const auto detail = OCTO_CO_TRY(co_await find_task(call, id));
  const Show show{.kind = detail.summary.kind, .one_target = has_one_target(detail)};
  co_return co_await attach(call, {.show = show}, id);
}

Async<Result<int>> task_wait(Call& call) {
  const TaskId id = OCTO_CO_TRY(read_task_id(call.line.words[0]));
  const auto within = OCTO_CO_TRY(call.line.span("--timeout"));
  const auto detail = OCTO_CO_TRY(co_await find_task(call, id));
  const Show show{
      .kind = detail.summary.kind, .what = Show::What::nothing, .one_target = has_one_target(detail)};
  co_return co_await attach(call, {.show = show, .within = within, .end_only = true}, id);
}

Async<Result<int>> task_output(Call& call) {
  const TaskId id = OCTO_CO_TRY(read_task_id(call.line.words[0]));
  const std::vector<std::string> words(call.line.words.begin() + 1, call.line.words.end());
  if (call.line.given("--outdir") && call.line.text("--outdir").empty())
    co_return fail(ErrorCode::invalid_argument, "--outdir is empty");
  const auto detail = OCTO_CO_TRY(co_await find_task(call, id));
  const std::set<NodeName> wanted = OCTO_CO_TRY(co_await select(call, detail, words));
  Show show{.kind = detail.summary.kind,
            .one_target = wanted.size() == 1 || has_one_target(detail),
            .folder = call.line.text("--outdir")};
  if (!show.folder.empty()) OCTO_CO_TRY(files::make_folders(show.folder, 0777).with("--outdir"));
  // What the runs came to is not the question here.
  const int code =
      OCTO_CO_TRY(co_await attach(call, {.show = show, .only = wanted, .output_only = true}, id));
  co_return code;
}

Async<Result<int>> task_cancel(Call& call) {
  const TaskId id = OCTO_CO_TRY(read_task_id(call.line.words[0]));
  OCTO_CO_TRY(co_await call.session.post(
      [&](client::Brain& brain, const std::string& key) { return brain.cancel(id, key); }));
  const auto detail = co_await find_task(call, id);  // it is being cancelled also where this fails
  call.output.print(cancelled_document(id, detail ? &detail->summary : nullptr));
  co_return kWell;
}

}  // namespace octo::octl
