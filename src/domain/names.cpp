// SPDX-License-Identifier: MIT
#include "domain/names.hpp"

#include <algorithm>

#include "domain/limits.hpp"

namespace octo {

namespace {

constexpr std::size_t kShortNameMax = 63;
constexpr std::size_t kBrainNameMax = 64;  // RFC 5280, ub-common-name
constexpr std::size_t kFreeNameMax = 200;  // of app and scenario: app@scenario still fits a file name

bool is_plain(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

Result<void> check_short(std::string_view text, std::string_view what, bool underscore_first) {
  if (text.empty()) return fail(ErrorCode::invalid_argument, "a {} is empty", what);
  bool good = text.size() <= kShortNameMax && (is_plain(text[0]) || (underscore_first && text[0] == '_'));
  for (const char c : text) good = good && (is_plain(c) || c == '.' || c == '_' || c == '-');
  if (good) return {};
  return fail(ErrorCode::invalid_argument,
              "{} is no {}: 1 to {} letters, digits, '.', '_' and '-', a letter or digit first", quote(text),
              what, kShortNameMax);
}

Result<void> check_free(std::string_view text, std::string_view what) {
  if (text.empty()) return fail(ErrorCode::invalid_argument, "the {} is empty", what);
  if (text.size() > kFreeNameMax)
    return fail(ErrorCode::too_large, "the {} {} is longer than {} bytes", what, quote(text), kFreeNameMax);
  bool good = is_utf8(text) && text != "." && text != "..";
  for (const char c : text)
    good = good && c != '/' && c != '@' && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  if (good) return {};
  return fail(ErrorCode::invalid_argument,
              "{} is no {}: UTF-8 without '/', '@' and control characters, not '.' or '..'", quote(text),
              what);
}

}  // namespace

Result<NodeName> parse_node_name(std::string_view text) {
  OCTO_TRY(check_short(text, "node name", false));
  for (const std::string_view reserved : {"brain", "ALL", "default"}) {
    if (text == reserved)
      return fail(ErrorCode::invalid_argument, "'{}' is reserved and cannot be a node's name", text);
  }
  return NodeName(std::string(text));
}

Result<void> check_brain_name(std::string_view text) {
  const bool good =
      std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != '.' && c != '/'; });
  if (good && !text.empty() && text.size() <= kBrainNameMax) return {};
  return fail(
      ErrorCode::invalid_argument,
      "{} cannot be a Brain's name: 1 to {} characters of printable ASCII without '.', '/' and spaces",
      quote(text), kBrainNameMax);
}

Result<AppName> parse_app_name(std::string_view text) {
  OCTO_TRY(check_free(text, "app name"));
  return AppName(std::string(text));
}

Result<ScenarioName> parse_scenario_name(std::string_view text) {
  OCTO_TRY(check_free(text, "scenario name"));
  return ScenarioName(std::string(text));
}

Result<Target> parse_target(std::string_view text) {
  OCTO_TRY(check_short(text, "target", true));
  if (text == "default")
    return fail(ErrorCode::invalid_argument, "'default' means prepare and start, it cannot be defined");
  return Target(std::string(text));
}

Result<TaskId> parse_task_id(std::string_view text) {
  bool good = text.size() == 26;
  for (const char c : text) good = good && ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'));
  if (!good)
    return fail(ErrorCode::invalid_argument, "{} is no task id: 26 digits and capital letters", quote(text));
  return TaskId(std::string(text));
}

Result<void> check_barrier_name(std::string_view name) {
  const bool plain =
      std::ranges::all_of(name, [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; });
  if (plain && !name.empty() && name.size() <= limits::barrier_name_bytes_max && is_utf8(name)) return {};
  return fail(ErrorCode::invalid_argument, "{} is no name of a barrier: 1 to {} bytes without spaces",
              quote(name.substr(0, 80)), limits::barrier_name_bytes_max);
}

Result<AppAt> parse_app_at(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos)
    return fail(ErrorCode::invalid_argument, "{} is no nodeapp: write <app>@<scenario>", quote(text));
  auto app = OCTO_TRY(parse_app_name(text.substr(0, at)));
  auto scenario = OCTO_TRY(parse_scenario_name(text.substr(at + 1)));
  return AppAt{std::move(app), std::move(scenario)};
}

std::string print(const AppAt& at) { return fmt::format("{}@{}", at.app, at.scenario); }

}  // namespace octo
