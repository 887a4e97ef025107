// SPDX-License-Identifier: MIT
#include "api/records.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "api/names.hpp"
#include "api/routes.hpp"

namespace octo::api {

namespace {

// What was encoded, decoded and encoded again is the same text.
template <class T>
void comes_back(const T& record, Result<T> (*decode)(std::string_view)) {
  const std::string json = encode(record);
  const auto again = decode(json);
  ASSERT_TRUE(again) << json << "\n" << again.error().message();
  EXPECT_EQ(encode(*again), json);
}

const TaskId kTask("01ARZ3NDEKTSV4RRFFQ69G5FAV");

RunRow row() {
  RunRow row;
  row.id = RunId{kTask, 3, NodeName("pi-24"), 2};
  row.state = RunState::failed;
  row.end.state = RunState::failed;
  row.end.exit_code = 7;
  row.end.reason = "no \"such\" file\n";
  row.end.out_bytes = 1ULL << 40;
  row.end.started = WallTime(1'700'000'000'123'000'000ns);
  row.end.lasted = 17us;
  row.end.version = "abc";
  row.title = "prepare helloPrinter";
  row.pid = 4711;
  return row;
}

Deployment deployment() {
  App app{AppName("hello printer"), "says", "hello/scripts", "hello/src", {NodeName("pi-24")}, {}};
  for (const char* target : {"prepare", "start", "stop", "purge"})
    app.scripts.push_back({Target(target), std::string(target) + ".sh", 2});
  return {ScenarioName("hello"), "world", {app}};
}

ScenarioVersion version() {
  ScenarioVersion version;
  version.id = std::string(64, 'a');
  version.parent = std::string(64, 'b');
  version.scenario = ScenarioName("hello");
  version.commits[{NodeName("pi-24"), AppName("hello printer")}] = std::string(40, 'c');
  version.missing = {{NodeName("pi-240"), AppName("x")}};
  version.message = "first";
  version.made = WallTime(1'700'000'000'000'000'000ns);
  return version;
}

}  // namespace

TEST(Records, ComeBackAsTheyWere) {
  comes_back(Pinged{"brain", "1"}, decode_pinged);
  comes_back(Login{"", Secret("p\"w")}, decode_login);
  comes_back(LoggedIn{Secret("t"), 3600, "", "brain"}, decode_logged_in);
  NodeList nodes;
  nodes.brain = "brain";
  NodeInfo info;
  info.record.name = NodeName("pi-24");
  info.delay = 1500us;
  info.clock = ClockReading{-3ms, 20us};
  nodes.nodes = {info};
  comes_back(nodes, decode_node_list);
  NodeStatusList statuses;
  statuses.nodes.push_back({"pi-24", "online", HostStatus{}, std::nullopt});
  statuses.nodes.push_back({"pi-25", "offline", std::nullopt, Error(ErrorCode::unavailable, "offline")});
  comes_back(statuses, decode_node_status_list);
  comes_back(Prune{false, {"pi-[24-25]"}}, decode_prune);
  comes_back(Pruned{{NodeName("pi-24")}, {{"pi9", "no such node"}}}, decode_pruned);
  StartTask start;
  start.kind = TaskKind::script;
  start.text = std::string("#!/bin/sh\n\xff\xfe");  // scripts are bytes
  start.nodes = {"pi-24", "@all"};
  start.environment = {{"A", "b c"}};
  start.limit = 3s;
  start.secrets = {{"KEY", Secret(std::string("\0\xff", 2))}};
  comes_back(start, decode_start_task);
  EXPECT_EQ(decode_start_task(encode(start))->text, start.text);
  EXPECT_EQ(decode_start_task(encode(start))->secrets.at(0).value.reveal(), std::string("\0\xff", 2));
  comes_back(TaskStarted{kTask}, decode_task_started);
  TaskSummary summary;
  summary.id = kTask;
  summary.counts = {{RunState::succeeded, 3}, {RunState::failed, 1}};
  comes_back(TaskList{{summary}, "next"}, decode_task_list);
  comes_back(TaskDetail{summary, {row()}}, decode_task_detail);
  comes_back(Hashes{{Sha256{}}}, decode_hashes);
  comes_back(Apply{deployment(), Sha256{}, "prepare", "m"}, decode_apply);
  comes_back(Reset{"abc", "back"}, decode_reset);
  comes_back(ScenarioList{{Scenario{ScenarioName("hello"), "d", Group(""), encode(deployment()), version()}}},
             decode_scenario_list);
  comes_back(VersionList{{version()}}, decode_version_list);
  NodeAppInfo app;
  app.app = {AppName("hello printer"), ScenarioName("hello")};
  app.versions = {{std::string(40, 'c'), "first", WallTime(1s)}};
  comes_back(NodeAppList{NodeName("pi-24"), {app}}, decode_node_app_list);
  comes_back(LogLine{"a line"}, decode_log_line);
  comes_back(LogLine{"no text: \xff"}, decode_log_line);
  comes_back(Problem{Error(ErrorCode::conflict, "taken")}, decode_problem);
  comes_back(row().end, decode_run_end);
  comes_back(deployment(), decode_deployment);
  comes_back(version(), decode_scenario_version);
}

TEST(Records, AFaultOfASecretDoesNotTellIt) {
  const auto wrong = decode_start_task(R"({"text":"x","nodes":["a"],"secrets":{"KEY":"hunter2!"}})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message(), "secrets.KEY: expected base64");
}

TEST(Records, OfTheNameserverComeBackAsTheyWere) {
  const NameEntry entry{"brain.octlFace.request", "addr", "10.0.0.1:12345", "for octl", -1};
  comes_back(entry, decode_name_entry);
  comes_back(NameEntries{{entry, {"a.b", "", "v", "", 0}}, "c"}, decode_name_entries);
  comes_back(NameSummary{1, 2, 3, 4, 5}, decode_name_summary);
  EXPECT_EQ(decode_name_entry(R"({"key":"a.b","value":"1","ttl":-1})")->ttl_ms, -1);
  const auto wrong =
      decode_name_entries(R"({"entries":[{"key":"a.b","value":"1"},{"key":"a.b","value":7}]})");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message().find("entries[1].value"), std::string::npos) << wrong.error().message();
  for (const NameMatch match :
       {NameMatch::all, NameMatch::prefix, NameMatch::suffix, NameMatch::contain, NameMatch::equal}) {
    EXPECT_EQ(find_name_match(name_of(match)), match);
  }
  EXPECT_FALSE(find_name_match("regex"));
}

TEST(Records, EventsKeepBytesThatAreNoText) {
  TaskEvent event;
  event.number = 9;
  event.kind = TaskEvent::Kind::output;
  event.run.id = row().id;
  event.output = {OutputStream::err, 70'000, std::string("\x00\xff ok", 5)};
  comes_back(event, decode_task_event);
  EXPECT_EQ(decode_task_event(encode(event))->output.bytes, event.output.bytes);
  event = {};
  event.kind = TaskEvent::Kind::state;
  event.run = row();
  comes_back(event, decode_task_event);
  EXPECT_EQ(decode_task_event(encode(event))->run, row());
  event = {};
  event.kind = TaskEvent::Kind::done;
  event.outcome = TaskState::lost;
  comes_back(event, decode_task_event);
}

TEST(Records, TheKindOfAnEventIsKnownFromItsBeginningOrElseFromAllOfIt) {
  using enum TaskEvent::Kind;
  for (const TaskEvent::Kind kind : {accepted, state, output, note, done}) {
    TaskEvent event;
    event.number = 12345;
    event.kind = kind;
    event.run = row();
    EXPECT_EQ(kind_of_task_event(encode(event)).value(), kind);
    event.number = 0;
    EXPECT_EQ(kind_of_task_event(encode(event)).value(), kind);
  }
  EXPECT_EQ(kind_of_task_event(R"({"outcome": "lost", "kind": "done", "number": 1})").value(), done);
  EXPECT_EQ(kind_of_task_event(R"({"number":1,"kind":"done","outcome":"lost"})").value(), done);
  for (const char* bad :
       {"", "{", R"({"number":1,"kind":"dance"})", R"({"number":)", R"({"number":1,"kind":")"})
    EXPECT_FALSE(kind_of_task_event(bad)) << bad;
}

TEST(Records, AFaultSaysWhereItIs) {
  const auto wrong = decode_start_task(R"({"kind":"command","text":"true","nodes":["pi0",7]})");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message().find("nodes[1]"), std::string::npos) << wrong.error().message();
  for (const char* bad : {"", "[]", "{", "{\"kind\":\"dance\"}", "null", "{\"a\":1e999}"})
    EXPECT_FALSE(decode_start_task(bad)) << bad;
}

TEST(Records, DeepNestingIsRefusedNotFollowed) { EXPECT_FALSE(decode_apply(std::string(100'000, '['))); }

TEST(Routes, EveryRouteHasAScopeAndMutatingOnesALimit) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (std::size_t i = 0; i < kRouteCount; ++i) {
    const Route& route = routes()[i];
    EXPECT_EQ(static_cast<std::size_t>(route.id), i);
    EXPECT_TRUE(seen.insert({route.method, route.path}).second) << route.path;
    EXPECT_TRUE(route.scope == Scope::group || route.id == RouteId::ping || route.id == RouteId::login)
        << route.path;
    if (route.method == "GET") EXPECT_EQ(route.body_bytes_max, 0U);
    else EXPECT_GT(route.body_bytes_max, 0U) << route.path;
    EXPECT_LE(route.body_bytes_max, 32U << 20);
  }
}

TEST(Routes, SegmentsAreDecodedAfterSplitting) {
  const auto found = match("GET", "/api/v2/nodes/pi-24/apps/a%2Fb%40c");
  ASSERT_TRUE(found);
  ASSERT_NE(found->route, nullptr);
  EXPECT_EQ(found->route->id, RouteId::node_app_get);
  EXPECT_EQ(found->segments.at("node"), "pi-24");
  const auto wrong_method = match("PATCH", "/api/v2/nodes");
  ASSERT_TRUE(wrong_method);
  EXPECT_EQ(wrong_method->route, nullptr);
  EXPECT_FALSE(match("GET", "/api/v2/nothing"));
  EXPECT_FALSE(match("GET", "/api/v1/nodes"));
}

TEST(Routes, APathIsOnceInTheOpenApiDocument) {
  const std::string document = print_openapi();
  for (const Route& route : routes()) {
    const std::string member = fmt::format("\"{}{}\": {{", kPrefix, route.path);
    const std::size_t at = document.find(member);
    ASSERT_NE(at, std::string::npos) << member;
    EXPECT_EQ(document.find(member, at + 1), std::string::npos) << member;
  }
}

TEST(Routes, TheOpenApiDocumentIsTheCheckedInOne) {
  const std::string path = std::string(OCTO_SOURCE_DIR) + "/spec/openapi.json";
  if (std::getenv("OCTO_GOLDEN_ACCEPT") != nullptr) std::ofstream(path) << print_openapi();
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), print_openapi())
      << "the routes have changed; write it anew with: ./dev golden --accept";
}

}  // namespace octo::api
