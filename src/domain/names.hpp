// SPDX-License-Identifier: MIT
// Names of things, checked when made. A name never reaches a shell, and never is a path by accident.
#pragma once
#include "base/text.hpp"

namespace octo {

struct NodeNameTag;
struct AppNameTag;
struct ScenarioNameTag;
struct TargetTag;
struct GroupTag;
struct TaskIdTag;

using NodeName = Text<NodeNameTag>;  // [A-Za-z0-9][A-Za-z0-9._-]{0,62}; not brain, ALL, default
using AppName =
    Text<AppNameTag>;  // UTF-8, no '/', '@', NUL, control characters; not "." or ".."; at most 200 bytes
using ScenarioName = Text<ScenarioNameTag>;  // as AppName
using Target = Text<TargetTag>;  // prepare, start, …; [A-Za-z0-9_][A-Za-z0-9._-]{0,62}; not default
using Group = Text<GroupTag>;    // workgroup path; "" is the root
using TaskId = Text<TaskIdTag>;  // 26 characters, sorts by time (see work: make_task_id)

// What is wrong with the name, in a sentence that quotes it; invalid_argument.
Result<NodeName> parse_node_name(std::string_view text);
Result<AppName> parse_app_name(std::string_view text);
Result<ScenarioName> parse_scenario_name(std::string_view text);
Result<Target> parse_target(std::string_view text);
Result<TaskId> parse_task_id(std::string_view text);
// The first part of the names that a Brain registers ("brain.octlFace.request"), and the name in its
// certificate.
Result<void> check_brain_name(std::string_view text);

// (app, scenario): written app@scenario; also the name of the nodeapp's folder below the workspace root.
struct AppAt {
  AppName app;
  ScenarioName scenario;
  friend auto operator<=>(const AppAt&, const AppAt&) = default;
};
Result<AppAt> parse_app_at(std::string_view text);
std::string print(const AppAt& at);

// Of a point that runs wait for each other at (octl-sync): 1 to 64 characters without spaces or control
// characters.
Result<void> check_barrier_name(std::string_view name);

}  // namespace octo
