// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>

#include <sstream>

#include "octl/print/nodes.hpp"
#include "octl/print/scenarios.hpp"
#include "octl/print/tasks.hpp"

namespace octo::octl {
namespace {

using testing::HasSubstr;
using testing::Not;

NodeInfo node(const std::string& name, NodeState state, std::optional<Span> delay, Span state_for) {
  NodeInfo info;
  info.record.name = NodeName(name);
  info.record.address = "192.168.1.4";
  info.record.version = "2.0.0";
  info.state = state;
  info.delay = delay;
  info.state_for = state_for;
  return info;
}

api::NodeList some_nodes() {
  return {.nodes = {node("pi10", NodeState::offline, {}, 2h), node("pi2", NodeState::online, Span(3ms), 162s),
                    node("pi1", NodeState::suspect, Span(4ms), 20s)},
          .brain = "brain-name",
          .brain_version = "2",
          .brain_address = "10.0.0.1"};
}

TEST(NodeGet, IsTheJsonOfTheReadmesQuickStart) {
  EXPECT_EQ(print(document_of(some_nodes()), Format::json, Colour::off), R"({
  "nodes": [
    {
      "name": "pi1",
      "addr": "192.168.1.4",
      "state": "suspect",
      "delay": "4ms",
      "last_active": "20.00s"
    },
    {
      "name": "pi2",
      "addr": "192.168.1.4",
      "state": "online",
      "delay": "3ms",
      "online_time": "2m42s"
    },
    {
      "name": "pi10",
      "addr": "192.168.1.4",
      "state": "offline",
      "offline_time": "2h0m0s"
    }
  ],
  "total": 3,
  "active": 2,
  "offline": 1
}
)");
}

// grep name | awk '{print $2}' | sed 's/"//g' | sed -z 's/\n/ /g' | sed 's/,//g'
TEST(NodeGet, TheReadmesPipelinePrintsTheNames) {
  std::istringstream text(print(document_of(some_nodes()), Format::json, Colour::off));
  std::string names;
  for (std::string line; std::getline(text, line);) {
    if (!line.contains("name")) continue;
    std::istringstream fields(line);
    std::string key, value;
    fields >> key >> value;
    std::erase_if(value, [](char c) { return c == '"' || c == ','; });
    names += value + " ";
  }
  EXPECT_EQ(names, "pi1 pi2 pi10 ");
}

TEST(NodeGet, OnATerminalIsATable) {
  const std::string text = print(document_of(some_nodes()), Format::table, Colour::off);
  EXPECT_THAT(text, HasSubstr("NAME  ADDRESS      STATE    DELAY  FOR"));
  EXPECT_THAT(text, HasSubstr("pi1   192.168.1.4  suspect  4ms    20.00s"));
  EXPECT_THAT(text, HasSubstr("3 nodes, 2 active, 1 offline\n"));
  EXPECT_THAT(print(document_of(some_nodes()), Format::table, Colour::on),
              HasSubstr("\x1b[31moffline\x1b[0m"));
}

TEST(NodeGet, JsonLinesAreTheNodes) {
  const std::string text = print(document_of(some_nodes()), Format::jsonl, Colour::off);
  EXPECT_EQ(std::ranges::count(text, '\n'), 3);
  EXPECT_TRUE(text.starts_with(R"({"name":"pi1",)"));
}

TEST(NodeGet, WithoutNodesIsAnEmptyList) {
  EXPECT_THAT(print(document_of(api::NodeList{}), Format::json, Colour::off),
              HasSubstr("\"nodes\": [],\n  \"total\": 0"));
  EXPECT_EQ(print(document_of(api::NodeList{}), Format::table, Colour::off),
            "0 nodes, 0 active, 0 offline\n");
}

TEST(NodeStatus, TellsUnitsAndTheClockWithItsBound) {
  api::NodeStatus well{.name = "pi0", .state = "online", .status = HostStatus{}, .error = {}};
  well.status->platform = "linux 6.1 x86_64";
  well.status->cpu_cores = 4;
  well.status->cpu_load_short = 0.0834;
  well.status->memory_used = 512ULL << 20;
  well.status->memory_total = 1024ULL << 20;
  well.status->utc_offset_seconds = 5400;
  well.status->clock = ClockReading{.offset = -2ms, .bound = 17us};
  const api::NodeStatus away{.name = "pi1",
                             .state = "offline",
                             .status = {},
                             .error = Error(ErrorCode::unavailable, "pi1 is offline")};
  const Document document = document_of(api::NodeStatusList{.nodes = {well, away}});
  const std::string json = print(document, Format::json, Colour::off);
  EXPECT_THAT(json, HasSubstr("\"cpu_load_short\": 0.083,"));
  EXPECT_THAT(json, HasSubstr("\"memory_used\": 536870912,"));
  EXPECT_THAT(json, HasSubstr("\"clock_offset_ns\": -2000000,"));
  EXPECT_THAT(json, HasSubstr("\"error\": \"pi1 is offline\""));
  EXPECT_THAT(json, HasSubstr("\"answered\": 1"));
  const std::string table = print(document, Format::table, Colour::off);
  EXPECT_THAT(table, HasSubstr("50.0% (512.0 MiB / 1.0 GiB)"));
  EXPECT_THAT(table, HasSubstr("-2ms ±17µs"));
  EXPECT_THAT(table, HasSubstr("+01:30"));
}

TEST(Table, ForeignTextStaysInItsCell) {
  const Table table{.head = {"A", "B"}, .rows = {{"x\n\x1b[31m", "y"}}, .foot = {}};
  EXPECT_EQ(print(table, Colour::off), "A            B\nx\\n\\x1b[31m  y\n");
}

TEST(Scenarios, APartialVersionSaysWhatItLacks) {
  ScenarioVersion version;
  version.id = "d8ef0123456789abcdef";
  version.message = "first";
  version.missing = {{.node = NodeName("pi1"), .app = AppName("hello")}};
  const Document document = document_of(api::VersionList{.versions = {version}});
  EXPECT_THAT(print(document, Format::table, Colour::off), HasSubstr("partial, lacks hello on pi1"));
  EXPECT_THAT(print(document, Format::json, Colour::off), HasSubstr("\"id\": \"d8ef0123456789abcdef\""));
}

TEST(Tasks, ATaskToldToEndSaysSo) {
  api::TaskSummary task;
  task.id = TaskId("01J0000000000000000000000A");
  task.title = "sleep 9";
  task.cancel_requested = true;
  task.counts = {{RunState::running, 2}};
  const std::string text =
      print(document_of(api::TaskList{.tasks = {task}, .next = "t"}), Format::table, Colour::off);
  EXPECT_THAT(text, HasSubstr("cancelling"));
  EXPECT_THAT(text, HasSubstr("2 running"));
  EXPECT_THAT(text, HasSubstr("octl task list --page t"));
  EXPECT_THAT(text, Not(HasSubstr("no tasks")));
}

TEST(Look, TheEnvironmentDecides) {
  const auto look = [](std::map<std::string, std::string> variables) {
    return look_of(
        [&](const char* name) -> std::optional<std::string> {
          const auto found = variables.find(name);
          return found == variables.end() ? std::nullopt : std::optional(found->second);
        },
        {.in = true, .out = true, .err = false});
  };
  EXPECT_EQ(look({}).out_colour, Colour::on);
  EXPECT_EQ(look({}).err_colour, Colour::off);
  EXPECT_EQ(look({{"NO_COLOR", "0"}}).out_colour, Colour::off);
  EXPECT_EQ(look({{"NO_COLOR", ""}}).out_colour, Colour::on);
  EXPECT_EQ(look({{"OCTL_NOCOLOR", "1"}}).out_colour, Colour::off);
  EXPECT_EQ(look({{"TERM", "dumb"}}).out_colour, Colour::off);
  EXPECT_TRUE(look({{"OCTL_NOPRINT", "1"}}).silent);
  EXPECT_FALSE(look({{"OCTL_NOPRINT", "0"}}).silent);
}

}  // namespace
}  // namespace octo::octl
