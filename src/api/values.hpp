// SPDX-License-Identifier: MIT
// How single values of the domain look in JSON; the records are in describe_*.hpp. Private to this room.
#pragma once
#include <array>

#include "api/form.hpp"
#include "api/records.hpp"

namespace octo::api {

template <class Tag>
const std::string& print_name(const Text<Tag>& name) {
  return name.str();
}
template <>
struct Form<NodeName> : TextForm<NodeName, print_name<NodeNameTag>, parse_node_name> {};
template <>
struct Form<AppName> : TextForm<AppName, print_name<AppNameTag>, parse_app_name> {};
template <>
struct Form<ScenarioName> : TextForm<ScenarioName, print_name<ScenarioNameTag>, parse_scenario_name> {};
template <>
struct Form<Target> : TextForm<Target, print_name<TargetTag>, parse_target> {};
template <>
struct Form<TaskId> : TextForm<TaskId, print_name<TaskIdTag>, parse_task_id> {};

inline Result<Group> parse_group(std::string_view text) { return Group(std::string(text)); }
template <>
struct Form<Group> : TextForm<Group, print_name<GroupTag>, parse_group> {};
inline const std::string& reveal(const Secret& secret) { return secret.reveal(); }
inline Result<Secret> parse_secret(std::string_view text) { return Secret(std::string(text)); }
template <>
struct Form<Secret> : TextForm<Secret, reveal, parse_secret> {};
inline std::string print_hash(const Sha256& hash) { return print_hex(hash); }
template <>
struct Form<Sha256> : TextForm<Sha256, print_hash, parse_sha256> {};

// RFC 3339; nine digits where milliseconds do not tell all, because a version's id is made from the exact
// time.
std::string print_time(WallTime time);
Result<WallTime> parse_time(std::string_view text);
template <>
struct Form<WallTime> : TextForm<WallTime, print_time, parse_time> {
  static std::string schema(Schemas&) { return R"({"type":"string","format":"date-time"})"; }
};
// Nanoseconds; the member's name ends in _ns.
template <>
struct Form<Span> {
  static void write(JsonWriter& json, Span span) { json.number(std::int64_t{span.count()}); }
  static void read(const JsonReader& json, Span& into) {
    std::int64_t count = 0;
    Form<std::int64_t>::read(json, count);
    into = Span(count);
  }
  static std::string schema(Schemas&) { return R"({"type":"integer"})"; }
};

// Of a boot clock: nanoseconds since its host's boot.
template <>
struct Form<Instant> {
  static void write(JsonWriter& json, Instant at) { Form<Span>::write(json, at.time_since_epoch()); }
  static void read(const JsonReader& json, Instant& into) {
    Span since{};
    Form<Span>::read(json, since);
    into = Instant(since);
  }
  static std::string schema(Schemas& schemas) { return Form<Span>::schema(schemas); }
};

// One of a closed list of words.
template <class Enum, Enum... values>
struct EnumForm {
  static void write(JsonWriter& json, Enum value) { json.text(name_of(value)); }
  static void read(const JsonReader& json, Enum& into) {
    std::string text;
    if (!json.text(text)) return;
    if (((text == name_of(values) ? (into = values, true) : false) || ...)) return;
    json.fault(fmt::format("expected one of {}", fmt::join(std::array{name_of(values)...}, ", ")));
  }
  static std::string schema(Schemas&) {
    return fmt::format(R"({{"type":"string","enum":["{}"]}})",
                       fmt::join(std::array{name_of(values)...}, R"(",")"));
  }
};
template <>
struct Form<NodeState> : EnumForm<NodeState, NodeState::online, NodeState::suspect, NodeState::offline> {};
template <>
struct Form<TaskKind>
    : EnumForm<TaskKind, TaskKind::command, TaskKind::script, TaskKind::apply, TaskKind::reset> {};
template <>
struct Form<TaskState>
    : EnumForm<TaskState, TaskState::running, TaskState::succeeded, TaskState::failed, TaskState::cancelled,
               TaskState::timed_out, TaskState::rejected, TaskState::lost> {};
template <>
struct Form<RunState> : EnumForm<RunState, RunState::accepted, RunState::queued, RunState::delivered,
                                 RunState::armed, RunState::running, RunState::succeeded, RunState::failed,
                                 RunState::timed_out, RunState::cancelled, RunState::expired,
                                 RunState::rejected, RunState::interrupted, RunState::unknown> {};
template <>
struct Form<OfflineRule> : EnumForm<OfflineRule, OfflineRule::queue, OfflineRule::skip, OfflineRule::fail> {};
inline std::string print_share(const Share& share) { return print(share); }
template <>
struct Form<Share> : TextForm<Share, print_share, parse_share> {};
template <>
struct Form<OutputStream> : EnumForm<OutputStream, OutputStream::out, OutputStream::err, OutputStream::note> {
};
template <>
struct Form<TaskEvent::Kind>
    : EnumForm<TaskEvent::Kind, TaskEvent::Kind::accepted, TaskEvent::Kind::state, TaskEvent::Kind::output,
               TaskEvent::Kind::note, TaskEvent::Kind::done> {};
template <>
struct Form<ErrorCode> {
  static void write(JsonWriter& json, ErrorCode code) { json.text(name_of(code)); }
  // A code of a later release is an error all the same.
  static void read(const JsonReader& json, ErrorCode& into) {
    std::string text;
    if (json.text(text)) into = find_error_code(text).value_or(ErrorCode::internal);
  }
  static std::string schema(Schemas&);
};

// Pairs as an object's members.
template <>
struct Form<std::vector<std::pair<std::string, std::string>>> {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  static void write(JsonWriter& json, const Pairs& pairs) {
    ObjectWriter object(json);
    for (const auto& [name, value] : pairs) object.required(name, value);
  }
  static void read(const JsonReader& json, Pairs& into) {
    json.each_member([&](std::string_view name, const JsonReader& value) {
      value.text(into.emplace_back(std::string(name), "").second);
    });
  }
  static std::string schema(Schemas&) {
    return R"({"type":"object","additionalProperties":{"type":"string"}})";
  }
};
// Any bytes, so always as base64. What is wrong with one never shows in an error.
template <>
struct Form<std::vector<SecretFile>> {
  using Secrets = std::vector<SecretFile>;
  static void write(JsonWriter& json, const Secrets& secrets) {
    ObjectWriter object(json);
    for (const auto& [name, value] : secrets) object.required(name, print_base64(value.reveal()));
  }
  static void read(const JsonReader& json, Secrets& into) {
    json.each_member([&](std::string_view name, const JsonReader& value) {
      std::string text;
      if (!value.text(text)) return;
      auto bytes = parse_base64(text);
      wipe(text);
      if (!bytes) value.fault("expected base64");
      else into.push_back({std::string(name), Secret(std::move(*bytes))});
    });
  }
  static std::string schema(Schemas&) {
    return R"({"type":"object","additionalProperties":{"type":"string","contentEncoding":"base64"}})";
  }
};
template <>
struct Form<std::vector<std::pair<RunState, std::size_t>>> {
  using Counts = std::vector<std::pair<RunState, std::size_t>>;
  static void write(JsonWriter& json, const Counts& counts) {
    ObjectWriter object(json);
    for (const auto& [state, count] : counts) object.required(name_of(state), count);
  }
  static void read(const JsonReader& json, Counts& into) {
    json.each_member([&](std::string_view name, const JsonReader& value) {
      const auto state = find_run_state(name);
      if (!state) value.fault("expected a state of runs");
      else Form<std::size_t>::read(value, into.emplace_back(*state, 0).second);
    });
  }
  static std::string schema(Schemas&) {
    return R"({"type":"object","additionalProperties":{"type":"integer"}})";
  }
};

// Errors, which are not made empty.
struct ErrorParts {
  ErrorCode code = ErrorCode::internal;
  std::string message;
};
void describe(auto& io, Of<ErrorParts> auto& parts) {
  io.required("code", parts.code);
  io.required("message", parts.message);
}
template <>
inline constexpr std::string_view kRecordName<ErrorParts> = "Error";
template <>
inline Error make_blank<Error>() {
  return {ErrorCode::internal, ""};
}
template <>
struct Form<Error> {
  static void write(JsonWriter& json, const Error& error) {
    Form<ErrorParts>::write(json, {error.code(), error.message()});
  }
  static void read(const JsonReader& json, Error& into) {
    ErrorParts parts;
    Form<ErrorParts>::read(json, parts);
    into = Error(parts.code, std::move(parts.message));
  }
  static std::string schema(Schemas& schemas) { return Form<ErrorParts>::schema(schemas); }
};

}  // namespace octo::api
