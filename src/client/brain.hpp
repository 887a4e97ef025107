// SPDX-License-Identifier: MIT
// Typed client of the Brain's API: what octl and the SDKs call. Every POST that mutates carries the key it is
// given; the caller stores the key before it calls (client/state.hpp).
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/records.hpp"
#include "io/http/client.hpp"

namespace octo::client {

// Events of a task as they come. `from`-resumable: number of the last event seen + 1.
class TaskEvents {
 public:
  virtual ~TaskEvents() = default;
  virtual Async<Result<std::optional<TaskEvent>>> next() = 0;  // nothing: the stream has ended after `done`
};

// Lines of a log as they come.
class LogLines {
 public:
  virtual ~LogLines() = default;
  virtual Async<Result<std::optional<Bytes>>> next() = 0;  // nothing: that was all
};

class Brain {
 public:
  struct At {
    net::Endpoint endpoint;
    std::string name;  // expected in its certificate
  };
  Brain(net::Dialer& dialer, At at, Clock& clock);
  ~Brain();

  void set_token(Secret token);
  Async<Result<void>> connect();  // dials, unless there is a connection
  Async<Result<api::LoggedIn>> login(const api::Login& login);

  Async<Result<api::NodeList>> nodes(const std::vector<std::string>& names);  // empty: the whole workgroup
  Async<Result<api::NodeStatusList>> node_status(const std::vector<std::string>& names);
  Async<Result<api::Pruned>> prune(const api::Prune& prune, const std::string& key);

  // One POST whose reply is the stream of events; the first is `accepted` with the task's id.
  struct Started {
    TaskId task;
    std::unique_ptr<TaskEvents> events;
  };
  Async<Result<Started>> start_task(const api::StartTask& task, const std::string& key);
  Async<Result<Started>> apply(const ScenarioName& scenario, const api::Apply& apply, const std::string& key);
  Async<Result<Started>> reset_scenario(const ScenarioName& scenario, const api::Reset& reset,
                                        const std::string& key);
  Async<Result<Started>> reset_app(const NodeName& node, const AppAt& app, const api::Reset& reset,
                                   const std::string& key);
  Async<Result<std::unique_ptr<TaskEvents>>> events(const TaskId& task, std::uint64_t from);
  // Without what the runs write, from that number on; nothing: from the last one there is.
  Async<Result<std::unique_ptr<TaskEvents>>> changes(const TaskId& task, std::optional<std::uint64_t> from);
  Async<Result<void>> cancel(const TaskId& task, const std::string& key);
  struct TaskQuery {
    std::string state, caller, node;  // empty: any
    std::size_t limit = 50;
    std::string page;  // `next` of the list before
  };
  Async<Result<api::TaskList>> tasks(const TaskQuery& query);
  Async<Result<api::TaskDetail>> task(const TaskId& task);

  Async<Result<api::Hashes>> missing(const api::Hashes& hashes);
  Async<Result<void>> put_blob(const Sha256& hash, Bytes bytes);

  Async<Result<api::ScenarioList>> scenarios();
  Async<Result<Scenario>> scenario(const ScenarioName& name);
  Async<Result<api::VersionList>> versions(const ScenarioName& name, std::uint64_t offset,
                                           std::uint64_t limit);
  // `node` may be "brain".
  Async<Result<std::unique_ptr<LogLines>>> log(const std::string& node, const LogQuestion& question);
  Async<Result<api::NodeAppList>> apps(const NodeName& node);
  Async<Result<api::NodeAppList>> app(const NodeName& node, const AppAt& app, std::uint64_t offset,
                                      std::uint64_t limit);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace octo::client
