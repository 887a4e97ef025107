// SPDX-License-Identifier: MIT
#include "octl/completion.hpp"

#include "async/deadline.hpp"
#include "octl/exit_code.hpp"
#include "octl/verbs/complete.hpp"

namespace octo::octl {

namespace {

constexpr Span kWithin = 1s;  // a shell waits, and its user
constexpr std::size_t kTasksShown = 20;

using Candidates = std::vector<Candidate>;

Async<Result<Candidates>> find_nodes(Session& session) {
  const auto list = OCTO_CO_TRY(co_await session.call([](client::Brain& brain) { return brain.nodes({}); }));
  Candidates found;
  for (const NodeInfo& node : list.nodes)
    found.push_back({node.record.name.str(), std::string(name_of(node.state))});
  co_return found;
}

Async<Result<Candidates>> find_tasks(Session& session) {
  const auto list = OCTO_CO_TRY(
      co_await session.call([](client::Brain& brain) { return brain.tasks({.limit = kTasksShown}); }));
  Candidates found;
  for (const api::TaskSummary& task : list.tasks)
    found.push_back({task.id.str(), fmt::format("{}: {}", name_of(task.state), task.title)});
  co_return found;
}

Async<Result<Candidates>> find_scenarios(Session& session) {
  const auto list =
      OCTO_CO_TRY(co_await session.call([](client::Brain& brain) { return brain.scenarios(); }));
  Candidates found;
  for (const Scenario& scenario : list.scenarios)
    found.push_back({scenario.name.str(), scenario.description});
  co_return found;
}

Async<Result<int>> print_script(Call& call, std::string_view script) {
  call.output.write(script);
  co_return kWell;
}

}  // namespace

Async<int> answer_completion(Completion asked, Session& session, Clock& clock, Output& output) {
  if (asked.live != Live::nothing) {
    auto found = co_await with_deadline(clock, kWithin,
                                        asked.live == Live::nodes   ? find_nodes(session)
                                        : asked.live == Live::tasks ? find_tasks(session)
                                                                    : find_scenarios(session));
    if (found) {
      for (Candidate& candidate : *found) candidate.word.insert(0, asked.before);
      asked.candidates.insert(asked.candidates.begin(), found->begin(), found->end());
    }
  }
  output.write(print(asked.candidates, asked.begun));
  co_return kWell;
}

Async<Result<int>> completion_bash(Call& call) { return print_script(call, bash_completion()); }
Async<Result<int>> completion_zsh(Call& call) { return print_script(call, zsh_completion()); }
Async<Result<int>> completion_fish(Call& call) { return print_script(call, fish_completion()); }

}  // namespace octo::octl
