// SPDX-License-Identifier: MIT
#include "api/records.hpp"

#include "api/describe_nodes.hpp"
#include "api/describe_scenarios.hpp"
#include "api/describe_tasks.hpp"

namespace octo::api {

std::string print_time(WallTime time) {
  std::string text = print_wall(time);
  const auto beyond = (time - std::chrono::floor<std::chrono::milliseconds>(time)).count();
  if (beyond != 0) text.insert(text.size() - 1, fmt::format("{:06}", beyond));
  return text;
}

Result<WallTime> parse_time(std::string_view text) {
  constexpr std::size_t kWhole = sizeof("2026-01-31T12:00:00") - 1;
  constexpr std::string_view kZeros = "000000000";
  const std::size_t digits = text.size() < kWhole + 1 ? 0 : text.size() - kWhole - 1;  // with the point
  if (text.size() > kWhole && digits <= 1 + kZeros.size() && text.ends_with('Z')) {
    const std::string_view given =
        digits > 1 && text[kWhole] == '.' ? text.substr(kWhole + 1, digits - 1) : "";
    const std::string fraction = std::string(given) + std::string(kZeros.substr(given.size()));
    const auto whole = parse_wall(fmt::format("{}.{}Z", text.substr(0, kWhole), fraction.substr(0, 3)));
    const auto beyond = parse_number(fraction.substr(3));
    if ((digits == 0 || !given.empty()) && whole && beyond && *beyond >= 0) return *whole + Span(*beyond);
  }
  return fail(ErrorCode::invalid_argument, "{} is no time: write 2026-01-31T12:00:00Z", quote(text));
}

std::string Form<ErrorCode>::schema(Schemas&) {
  std::vector<std::string_view> names;
  for (const ErrorCode code : kErrorCodes) names.push_back(name_of(code));
  return fmt::format(R"({{"type":"string","enum":["{}"]}})", fmt::join(names, R"(",")"));
}

std::string ObjectSketch::take() const {
  return fmt::format(R"({{"type":"object","properties":{{{}}},"required":[{}]}})", properties_, required_);
}

void ObjectSketch::add(std::string_view name, std::string schema, bool required) {
  if (properties_.contains(fmt::format(R"("{}":)", name))) return;
  fmt::format_to(std::back_inserter(properties_), R"({}"{}":{})", properties_.empty() ? "" : ",", name,
                 schema);
  if (required)
    fmt::format_to(std::back_inserter(required_), R"({}"{}")", required_.empty() ? "" : ",", name);
}

std::string encode(const Pinged& record) { return encode_as(record); }
std::string encode(const Login& record) { return encode_as(record); }
std::string encode(const LoggedIn& record) { return encode_as(record); }
std::string encode(const NodeList& record) { return encode_as(record); }
std::string encode(const NodeStatusList& record) { return encode_as(record); }
std::string encode(const Prune& record) { return encode_as(record); }
std::string encode(const Pruned& record) { return encode_as(record); }
std::string encode(const StartTask& record) { return encode_as(record); }
std::string encode(const TaskStarted& record) { return encode_as(record); }
std::string encode(const TaskList& record) { return encode_as(record); }
std::string encode(const TaskDetail& record) { return encode_as(record); }
std::string encode(const Hashes& record) { return encode_as(record); }
std::string encode(const Apply& record) { return encode_as(record); }
std::string encode(const Reset& record) { return encode_as(record); }
std::string encode(const ScenarioList& record) { return encode_as(record); }
std::string encode(const Scenario& record) { return encode_as(record); }
std::string encode(const VersionList& record) { return encode_as(record); }
std::string encode(const LogLine& record) { return encode_as(record); }
std::string encode(const NodeAppList& record) { return encode_as(record); }
std::string encode(const TaskEvent& record) { return encode_as(record); }
std::string encode(const Deployment& record) { return encode_as(record); }
std::string encode(const RunEnd& record) { return encode_as(record); }
std::string encode(const ScenarioVersion& record) { return encode_as(record); }
std::string encode(const Problem& problem) {
  return encode_as(ProblemParts{problem.error.code(), problem.error.message()});
}

Result<Pinged> decode_pinged(std::string_view text) { return decode_as<Pinged>(text); }
Result<Login> decode_login(std::string_view text) { return decode_as<Login>(text); }
Result<LoggedIn> decode_logged_in(std::string_view text) { return decode_as<LoggedIn>(text); }
Result<NodeList> decode_node_list(std::string_view text) { return decode_as<NodeList>(text); }
Result<NodeStatusList> decode_node_status_list(std::string_view text) {
  return decode_as<NodeStatusList>(text);
}
Result<Pruned> decode_pruned(std::string_view text) { return decode_as<Pruned>(text); }
Result<StartTask> decode_start_task(std::string_view text) { return decode_as<StartTask>(text); }
Result<TaskStarted> decode_task_started(std::string_view text) { return decode_as<TaskStarted>(text); }
Result<TaskList> decode_task_list(std::string_view text) { return decode_as<TaskList>(text); }
Result<TaskDetail> decode_task_detail(std::string_view text) { return decode_as<TaskDetail>(text); }
Result<Hashes> decode_hashes(std::string_view text) { return decode_as<Hashes>(text); }
Result<Apply> decode_apply(std::string_view text) { return decode_as<Apply>(text); }
Result<Reset> decode_reset(std::string_view text) { return decode_as<Reset>(text); }
Result<ScenarioList> decode_scenario_list(std::string_view text) { return decode_as<ScenarioList>(text); }
Result<Scenario> decode_scenario(std::string_view text) { return decode_as<Scenario>(text); }
Result<VersionList> decode_version_list(std::string_view text) { return decode_as<VersionList>(text); }
Result<LogLine> decode_log_line(std::string_view text) { return decode_as<LogLine>(text); }
Result<NodeAppList> decode_node_app_list(std::string_view text) { return decode_as<NodeAppList>(text); }
Result<TaskEvent> decode_task_event(std::string_view text) { return decode_as<TaskEvent>(text); }
Result<TaskEvent::Kind> kind_of_task_event(std::string_view text) {
  constexpr std::string_view kNumber = "{\"number\":", kKind = ",\"kind\":\"";
  if (text.starts_with(kNumber)) {
    std::string_view rest = text.substr(kNumber.size());
    rest.remove_prefix(std::min(rest.find_first_not_of("0123456789"), rest.size()));
    if (rest.starts_with(kKind)) {
      rest.remove_prefix(kKind.size());
      const std::string_view name = rest.substr(0, rest.find('"'));
      using enum TaskEvent::Kind;
      for (const TaskEvent::Kind kind : {accepted, state, output, note, done}) {
        if (name == name_of(kind)) return kind;
      }
    }
  }
  return OCTO_TRY(decode_task_event(text)).kind;
}
Result<Deployment> decode_deployment(std::string_view text) { return decode_as<Deployment>(text); }
Result<RunEnd> decode_run_end(std::string_view text) { return decode_as<RunEnd>(text); }
Result<ScenarioVersion> decode_scenario_version(std::string_view text) {
  return decode_as<ScenarioVersion>(text);
}

Result<Prune> decode_prune(std::string_view text) {
  auto prune = OCTO_TRY(decode_as<Prune>(text));
  if (prune.all != prune.names.empty()) {
    return fail(ErrorCode::invalid_argument, "give either \"all\": true or at least one of \"names\"");
  }
  return prune;
}
Result<Problem> decode_problem(std::string_view text) {
  auto parts = OCTO_TRY(decode_as<ProblemParts>(text));
  return Problem{Error(parts.code, std::move(parts.detail))};
}

}  // namespace octo::api
