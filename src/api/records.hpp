// SPDX-License-Identifier: MIT
// The HTTPS language of the Brain (/api/v2): requests and answers as values, and their JSON. Pure; Boost.JSON
// stays behind this header. Top-level JSON is always an object. decode_* say which member was wrong and what
// was expected.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/text.hpp"
#include "domain/deployment.hpp"
#include "domain/node.hpp"
#include "domain/rollout.hpp"
#include "domain/task.hpp"
#include "domain/version.hpp"

namespace octo::api {

inline constexpr std::string_view kPrefix = "/api/v2";

// GET /ping
struct Pinged {
  std::string brain;
  std::string version;
};

// POST /login
struct Login {
  std::string group;
  Secret password;
};
struct LoggedIn {
  Secret token;
  std::int64_t expires_in_seconds = 0;
  std::string group;
  std::string brain;
};

// GET /nodes, GET /nodes/status
struct NodeList {
  std::vector<NodeInfo> nodes;
  std::string brain, brain_version, brain_address;
};
struct NodeStatus {
  std::string name;
  std::string state;                 // online, suspect, offline
  std::optional<HostStatus> status;  // none: see error
  std::optional<Error> error;
};
struct NodeStatusList {
  std::vector<NodeStatus> nodes;
};

// POST /nodes/prune: exactly one of `all` and `names`
struct Prune {
  bool all = false;
  std::vector<std::string> names;  // node sets, as those of a task
};
struct Pruned {
  std::vector<NodeName> pruned;
  struct Kept {
    std::string name;
    std::string why;
  };
  std::vector<Kept> kept;  // online, or unknown
};

// POST /tasks
struct StartTask {
  TaskKind kind = TaskKind::command;  // command or script
  std::string text;                   // command line, or script
  std::string script_name;
  std::vector<std::string> nodes;  // names, @all; resolved by the Brain; empty is an error
  bool background = false;
  std::vector<std::pair<std::string, std::string>> environment;
  std::optional<Span> limit;     // execution limit
  std::optional<Span> deadline;  // delivery
  std::optional<Span> delay;     // loaded on the nodes, and started so long after it was accepted
  std::string user, folder;      // of the node: whom and where it runs
  Bytes input;                   // stdin
  bool tie = false;              // it ends with the connection that asked; needs the stream of events
  Resources resources;
  Rollout rollout;
  std::vector<SecretFile> secrets;  // as base64; where it is stored only their names are left
  bool together = false;            // all start at one instant, or none does
  std::optional<Span> max_skew;     // … and that is how far apart they may be
};
struct TaskStarted {
  TaskId task;
};

// GET /tasks, GET /tasks/{task}
struct TaskSummary {
  TaskId id;
  TaskKind kind = TaskKind::command;
  std::string title;
  std::string caller;
  WallTime accepted;
  TaskState state = TaskState::running;
  bool cancel_requested = false;
  std::vector<std::pair<RunState, std::size_t>> counts;
};
struct TaskList {
  std::vector<TaskSummary> tasks;
  std::string next;
};  // next: page token, or ""
struct TaskDetail {
  TaskSummary summary;
  std::vector<RunRow> runs;
};

// Blobs: POST /blobs/missing, PUT /blobs/{sha256}
struct Hashes {
  std::vector<Sha256> hashes;
};

// POST /scenarios/{scenario}/apply
struct Apply {
  Deployment deployment;
  Sha256 bundle;       // manifest of the scenario's folder; its blobs were put before
  std::string target;  // "" is default
  std::string message;
};
// POST /scenarios/{scenario}/reset and POST /nodes/{node}/apps/{app@scen}/reset
struct Reset {
  std::string version;
  std::string message;
};

// GET /scenarios, /scenarios/{scenario}, /scenarios/{scenario}/versions
struct ScenarioList {
  std::vector<Scenario> scenarios;
};
struct VersionList {
  std::vector<ScenarioVersion> versions;
};
// GET /nodes/{node}/apps, /nodes/{node}/apps/{app@scen}?offset&limit
struct NodeAppList {
  NodeName node;
  std::vector<NodeAppInfo> apps;
};

// GET /nodes/{node}/log: one a line
struct LogLine {
  Bytes line;
};

// RFC 9457 problem+json: type, title, status, detail, and our `code`.
struct Problem {
  Error error;
};

std::string encode(const Pinged&);
Result<Pinged> decode_pinged(std::string_view);
std::string encode(const Login&);
Result<Login> decode_login(std::string_view);
std::string encode(const LoggedIn&);
Result<LoggedIn> decode_logged_in(std::string_view);
std::string encode(const NodeList&);
Result<NodeList> decode_node_list(std::string_view);
std::string encode(const NodeStatusList&);
Result<NodeStatusList> decode_node_status_list(std::string_view);
std::string encode(const Prune&);
Result<Prune> decode_prune(std::string_view);
std::string encode(const Pruned&);
Result<Pruned> decode_pruned(std::string_view);
std::string encode(const StartTask&);
Result<StartTask> decode_start_task(std::string_view);
std::string encode(const TaskStarted&);
Result<TaskStarted> decode_task_started(std::string_view);
std::string encode(const TaskList&);
Result<TaskList> decode_task_list(std::string_view);
std::string encode(const TaskDetail&);
Result<TaskDetail> decode_task_detail(std::string_view);
std::string encode(const Hashes&);
Result<Hashes> decode_hashes(std::string_view);
std::string encode(const Apply&);
Result<Apply> decode_apply(std::string_view);
std::string encode(const Reset&);
Result<Reset> decode_reset(std::string_view);
std::string encode(const ScenarioList&);
Result<ScenarioList> decode_scenario_list(std::string_view);
std::string encode(const Scenario&);
Result<Scenario> decode_scenario(std::string_view);
std::string encode(const VersionList&);
Result<VersionList> decode_version_list(std::string_view);
std::string encode(const LogLine&);
Result<LogLine> decode_log_line(std::string_view);
std::string encode(const NodeAppList&);
Result<NodeAppList> decode_node_app_list(std::string_view);
std::string encode(const TaskEvent&);
Result<TaskEvent> decode_task_event(std::string_view);  // one line of NDJSON, without '\n'
// Of an event as encode() writes it without looking at more than its beginning; of any other as decoded.
Result<TaskEvent::Kind> kind_of_task_event(std::string_view);
std::string encode(const Problem&);
Result<Problem> decode_problem(std::string_view);
std::string encode(const Deployment&);
Result<Deployment> decode_deployment(std::string_view);
std::string encode(const RunEnd&);
Result<RunEnd> decode_run_end(std::string_view);  // as the ledger keeps it
std::string encode(const ScenarioVersion&);
Result<ScenarioVersion> decode_scenario_version(std::string_view);

}  // namespace octo::api
