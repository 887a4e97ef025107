// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include "domain/limits.hpp"
#include "io/files/files.hpp"
#include "octl/verbs/follow.hpp"
#include "octl/verbs/words.hpp"

namespace octo::octl {

namespace {

constexpr std::array<std::string_view, 4> kSays = {"-c", "-cc", "-bg", "-ss"};

Result<void> read_script(api::StartTask& task, const std::string& path) {
  task.kind = TaskKind::script;
  task.text = OCTO_TRY(files::load(path, limits::script_bytes_max).with("read the script"));
  task.script_name = path.substr(path.rfind('/') + 1);
  return {};
}

// What to run and where; says what is missing before anyone is asked.
Result<api::StartTask> read_task(const CommandLine& line) {
  const auto given = static_cast<std::size_t>(
      std::ranges::count_if(kSays, [&](std::string_view flag) { return line.given(flag); }));
  if (given > 1) return fail(ErrorCode::invalid_argument, "give one of -c, -cc, -bg and -ss, not {}", given);
  api::StartTask task;
  std::span<const std::string> nodes = line.words;
  if (line.given("-ss")) {
    OCTO_TRY(read_script(task, line.text("-ss")));
  } else if (given == 1) {
    task.background = line.given("-bg");
    task.text =
        line.text(*std::ranges::find_if(kSays, [&](std::string_view flag) { return line.given(flag); }));
  } else if (!nodes.empty()) {
    task.text = nodes.front();
    nodes = nodes.subspan(1);
  }
  if (task.text.empty())
    return fail(ErrorCode::invalid_argument, "the {} is empty: there is nothing to run", name_of(task.kind));
  if (nodes.empty()) return fail(ErrorCode::invalid_argument, "on which nodes? Name them after the command");
  if (task.kind == TaskKind::command && task.text.size() > limits::command_bytes_max) {
    return fail(ErrorCode::too_large, "a command of {} bytes, {} at most: use -ss <script>", task.text.size(),
                limits::command_bytes_max);
  }
  for (const std::string& node : nodes) task.nodes.push_back(is_everything(node) ? "@all" : node);
  task.limit = OCTO_TRY(line.span("--timeout"));
  task.deadline = OCTO_TRY(line.span("--deadline"));
  return task;
}

}  // namespace

Async<Result<int>> cmd_run(Call& call) {
  const api::StartTask task = OCTO_CO_TRY(read_task(call.line));
  const bool one = task.nodes.size() == 1 && !task.nodes.front().starts_with('@');
  const Start start = [&](client::Brain& brain, const std::string& key) {
    return brain.start_task(task, key);
  };
  co_return co_await follow(call, {.kind = task.kind, .one_target = one, .background = task.background},
                            start);
}

}  // namespace octo::octl
