// SPDX-License-Identifier: MIT
// The Brain's HTTPS API. Life: construct, http::serve() with it, destroy after that has ended.
#pragma once
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "api/records.hpp"
#include "api/routes.hpp"
#include "async/clock.hpp"
#include "brain/gate/gate.hpp"
#include "brain/work/verbs.hpp"
#include "io/http/server.hpp"

namespace octo::brain {

class Doors final : public http::Handler {
 public:
  struct Ports {
    Verbs& verbs;
    Fleet& fleet;
    Ledger& ledger;
    Blobs& blobs;
    Gate& gate;
    Clock& clock;
    std::function<Async<Result<HostStatus>>()> own_status;  // of the Brain's machine
    std::function<Async<Result<NextLines>>(const LogQuestion&)> own_log;
  };
  struct About {
    std::string brain, version, address;
  };
  Doors(Ports ports, About about);

  std::variant<std::size_t, http::Reply> body_limit(const http::Request& head) override;
  Async<http::Reply> handle(http::Request request) override;

 private:
  struct Visit;  // one admitted request
  using Answer = Async<Result<http::Reply>>;
  using Door = Answer (Doors::*)(Visit&);

  void bind();
  Result<void> admit(Visit& visit) const;
  Answer pass(Visit& visit);
  Answer pass_once(Visit& visit, const std::string& key);
  Answer replay(Visit& visit, const Receipt& receipt);
  Stamp stamp_of(const Visit& visit, std::string action, std::string object, std::string answer,
                 int status = 200) const;

  // nodes.cpp
  Answer ping(Visit& visit);
  Answer login(Visit& visit);
  Answer nodes_list(Visit& visit);
  Answer nodes_status(Visit& visit);
  Answer nodes_prune(Visit& visit);
  Answer node_apps(Visit& visit);
  Answer node_app_get(Visit& visit);
  Answer node_log(Visit& visit);
  Result<std::vector<NodeName>> select(const std::vector<std::string>& sets) const;
  Async<Result<std::vector<NodeInfo>>> look_up(std::vector<std::string> sets);
  Async<void> ask_status(NodeInfo node, api::NodeStatus& into);

  // tasks.cpp
  Answer tasks_start(Visit& visit);
  Answer tasks_list(Visit& visit);
  Answer task_get(Visit& visit);
  Answer task_events(Visit& visit);
  Answer task_cancel(Visit& visit);
  struct Wanted {  // of a task's events
    std::uint64_t from = 1;
    bool output = true;  // what the runs write too
  };
  enum class Tied { no, to_this_stream };  // the task ends when the stream does
  Answer started(const Visit& visit, const TaskId& id, Tied tied = Tied::no);
  Async<Result<http::Reply>> events_reply(TaskId id, Wanted wanted, std::string first, Tied tied = Tied::no);

  Async<Result<void>> write_events(const TaskId& id, Wanted wanted, const std::string& first, Span heartbeat,
                                   http::BodyWriter& out);

  // scenarios.cpp
  Answer blobs_missing(Visit& visit);
  Answer blob_put(Visit& visit);
  Answer scenarios_list(Visit& visit);
  Answer scenario_get(Visit& visit);
  Answer scenario_versions(Visit& visit);
  Answer scenario_apply(Visit& visit);
  Answer scenario_reset(Visit& visit);
  Answer node_app_reset(Visit& visit);

  Ports ports_;
  About about_;
  std::array<Door, api::kRouteCount> doors_{};
  std::set<std::pair<std::string, std::string>> under_way_;  // caller and key
};

}  // namespace octo::brain
