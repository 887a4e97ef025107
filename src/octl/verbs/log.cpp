// SPDX-License-Identifier: MIT
#include "octl/exit_code.hpp"
#include "octl/print/visible.hpp"
#include "octl/verbs/verbs.hpp"

namespace octo::octl {

namespace {

Result<LogQuestion> read_question(const CommandLine& line) {
  LogQuestion question;
  question.lines = OCTO_TRY(line.number("-l", question.lines));
  if (question.lines > limits::log_lines_max)
    return fail(ErrorCode::too_large, "-l {}: {} lines at most", question.lines, limits::log_lines_max);
  if (line.given("-d")) {
    const auto days = OCTO_TRY(line.number("-d", 0));
    if (days > limits::log_days_max)
      return fail(ErrorCode::too_large, "-d {}: {} days at most", days, limits::log_days_max);
    question.days_before = static_cast<std::uint32_t>(days);
  }
  question.follow = line.given("-f");
  return question;
}

}  // namespace

Async<Result<int>> log_get(Call& call) {
  const LogQuestion question = OCTO_CO_TRY(read_question(call.line));
  const std::string& node = call.line.words[0];
  const auto lines = OCTO_CO_TRY(
      co_await call.session.call([&](client::Brain& brain) { return brain.log(node, question); }));
  Output& output = call.output;
  // What never ends is no document.
  const bool rows = output.format() == Format::jsonl || (question.follow && !output.for_people());
  Json::Array all;
  while (const auto line = OCTO_CO_TRY(co_await lines->next())) {
    if (output.for_people()) {
      output.write(visible_line(*line) + "\n");
    } else if (rows) {
      output.write(print_json_line(Json::Object{{"line", *line}}) + "\n");
    } else {
      all.push_back(*line);
      continue;
    }
    if (question.follow) output.flush();
    if (output.broken()) co_return kOurError;
  }
  if (output.for_people() || rows) co_return kWell;
  Document document{.rows = "lines"};
  document.json = Json::Object{{"name", node}, {"lines", std::move(all)}};
  output.print(document);
  co_return kWell;
}

}  // namespace octo::octl
