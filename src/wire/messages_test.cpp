// SPDX-License-Identifier: MIT
#include "wire/messages.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "wire/messages_samples.hpp"
#include "wire/octopoda.pb.h"

namespace octo::wire {
namespace {

template <class Message>
Bytes bytes_of(const Message& message) {
  return message.SerializeAsString();
}
pb::FromBrain brain_sample(const std::string& name) {
  pb::FromBrain proto;
  for (const auto& [each, message] : from_brain_samples()) {
    if (each == name) EXPECT_TRUE(proto.ParseFromString(encode(message)));
  }
  return proto;
}
pb::FromNode node_sample(const std::string& name) {
  pb::FromNode proto;
  for (const auto& [each, message] : from_node_samples()) {
    if (each == name) EXPECT_TRUE(proto.ParseFromString(encode(message)));
  }
  return proto;
}
// How a sample is judged once `change` has spoilt it.
std::string fault_of(const std::string& name, const std::function<void(pb::FromBrain&)>& change) {
  pb::FromBrain proto = brain_sample(name);
  change(proto);
  const auto judged = decode_from_brain(bytes_of(proto));
  return judged ? "" : fmt::format("{}: {}", name_of(judged.error().code()), judged.error().message());
}
std::string fault_of(const std::string& name, const std::function<void(pb::FromNode&)>& change) {
  pb::FromNode proto = node_sample(name);
  change(proto);
  const auto judged = decode_from_node(bytes_of(proto));
  return judged ? "" : fmt::format("{}: {}", name_of(judged.error().code()), judged.error().message());
}

// A peer may send what it likes, and however often.
TEST(MessagesTest, WhatIsNoTextIsRefusedWithoutAWordOnStderr) {
  pb::FromBrain proto = brain_sample("cancel_run");
  Bytes bytes = bytes_of(proto);
  bytes.replace(bytes.find("pi0"), 3, "\xff\xfe\xfd");
  testing::internal::CaptureStderr();
  EXPECT_FALSE(decode_from_brain(bytes));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(MessagesTest, EveryMessageOfTheBrainComesBackWhole) {
  std::vector<bool> kinds(std::variant_size_v<FromBrain>);
  for (const auto& [name, message] : from_brain_samples()) {
    SCOPED_TRACE(name);
    const auto back = decode_from_brain(encode(message));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->index(), message.index());
    EXPECT_EQ(encode(*back), encode(message));
    kinds[message.index()] = true;
  }
  EXPECT_EQ(std::ranges::count(kinds, false), 0) << "a kind without a sample";
}

TEST(MessagesTest, AnOrderInTwoPartsIsTheSameMessage) {
  for (const auto& [name, message] : from_brain_samples()) {
    const auto* start = std::get_if<StartRun>(&message);
    if (start == nullptr) continue;
    SCOPED_TRACE(name);
    for (const std::size_t more : {0, 100, 20'000, 3'000'000}) {  // lengths of one byte to four
      StartRun order = *start;
      auto* exec = std::get_if<ExecOrder>(&order.order.deed);
      if (exec != nullptr) exec->text += Bytes(more, 'x');
      const Bytes deed = encode_deed(order.order.deed), whole = encode(order);
      const Bytes head = encode_start({order.order.id, order.start_within, order.sent}, deed.size());
      EXPECT_EQ(head.size() + deed.size(), whole.size());
      const auto back = decode_from_brain(head + deed);
      ASSERT_TRUE(back) << back.error().message();
      EXPECT_TRUE(encode(*back) == whole);
    }
  }
}

TEST(MessagesTest, HowLongAStartIsOffTheFirstPartOfAnOrderSays) {
  ExecOrder exec{.text = "date", .together = Together{10ms, 0s}};
  const auto order = [&](Span delay, Span hold) {
    const Bytes deed = encode_deed(exec);
    const Bytes head = encode_start({run_sample(), 10min, std::nullopt, delay, hold}, deed.size());
    return std::get<ExecOrder>(std::get<StartRun>(decode_from_brain(head + deed).value()).order.deed);
  };
  EXPECT_EQ(order(0s, 75s).together, (Together{10ms, 75s}));
  EXPECT_EQ(order(0s, 75s).text, "date");
  exec.together.reset();
  EXPECT_EQ(order(3s, 0s).delay, 3s);
  EXPECT_EQ(order(3s, 0s).together, std::nullopt);
  EXPECT_EQ(order(0s, 0s).delay, 0s);
}

TEST(MessagesTest, EveryMessageOfANodeComesBackWhole) {
  std::vector<bool> kinds(std::variant_size_v<FromNode>);
  for (const auto& [name, message] : from_node_samples()) {
    SCOPED_TRACE(name);
    const auto back = decode_from_node(encode(message));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->index(), message.index());
    EXPECT_EQ(encode(*back), encode(message));
    kinds[message.index()] = true;
  }
  EXPECT_EQ(std::ranges::count(kinds, false), 0) << "a kind without a sample";
}

TEST(MessagesTest, AnOrderOfAnOlderBrainDoesNotSayWhenItWasSent) {
  EXPECT_EQ(fault_of("start_run_sync", [](pb::FromBrain& m) { m.mutable_start_run()->clear_sent_ns(); }), "");
  pb::FromBrain proto = brain_sample("start_run_sync");
  proto.mutable_start_run()->clear_sent_ns();
  EXPECT_EQ(std::get<StartRun>(decode_from_brain(bytes_of(proto)).value()).sent, std::nullopt);
}

// Equal bytes alone would not show a field that neither direction knows.
TEST(MessagesTest, EveryFieldArrives) {
  const auto start =
      std::get<StartRun>(decode_from_brain(bytes_of(brain_sample("start_run_script"))).value());
  const auto& exec = std::get<ExecOrder>(start.order.deed);
  EXPECT_EQ(start.order.id, run_sample());
  EXPECT_EQ(start.start_within, 10min);
  EXPECT_EQ(start.sent, Instant(2h));
  EXPECT_EQ(exec.kind, ExecOrder::Kind::script);
  EXPECT_EQ(exec.text, Bytes("#!/bin/sh\n\0\n", 12));
  EXPECT_EQ(exec.script_name, "a b.sh");
  EXPECT_EQ(exec.app, app_sample());
  EXPECT_TRUE(exec.background);
  EXPECT_EQ(exec.limit, 0s);
  EXPECT_FALSE(exec.tie);
  const auto command =
      std::get<StartRun>(decode_from_brain(bytes_of(brain_sample("start_run_command"))).value());
  EXPECT_EQ(std::get<ExecOrder>(command.order.deed).environment.at(1),
            std::make_pair(std::string("B"), std::string("\xfe")));
  EXPECT_TRUE(std::get<ExecOrder>(command.order.deed).tie);
  for (const auto& [name, message] : from_node_samples()) {
    const auto back = decode_from_node(encode(message)).value();
    if (const auto* ended = std::get_if<RunEnded>(&back))
      EXPECT_EQ(ended->end, std::get<RunEnded>(message).end);
    if (const auto* answer = std::get_if<StatusAnswer>(&back)) {
      const HostStatus& sent = std::get<StatusAnswer>(message).status;
      EXPECT_EQ(answer->status.clock, sent.clock);
      EXPECT_EQ(answer->status.uptime, sent.uptime);
      EXPECT_EQ(answer->status.local_time, sent.local_time);
      EXPECT_EQ(answer->status.cpu_load_long, sent.cpu_load_long);
    }
  }
}

TEST(MessagesTest, ABadFieldIsRefusedByName) {
  using B = pb::FromBrain&;
  using N = pb::FromNode&;
  const auto begins = [](const std::string& fault, std::string_view with) {
    EXPECT_TRUE(fault.starts_with(with)) << fault << "\n  should begin: " << with;
  };
  begins(fault_of("cancel_run", [](B m) { m.mutable_cancel_run()->set_task("../x"); }),
         "invalid_argument: run.task: '../x'");
  begins(fault_of("cancel_run", [](B m) { m.mutable_cancel_run()->set_node("a/b"); }),
         "invalid_argument: run.node: 'a/b'");
  begins(fault_of("cancel_run", [](B m) { m.mutable_cancel_run()->set_attempt(0); }),
         "invalid_argument: run.attempt: ");
  begins(fault_of("ask_apps_one", [](B m) { m.mutable_ask_apps()->mutable_app()->set_app(".."); }),
         "invalid_argument: app.app: '..'");
  begins(fault_of("ask_apps_one", [](B m) { m.mutable_ask_apps()->mutable_app()->set_scenario("a@b"); }),
         "invalid_argument: app.scenario: 'a@b'");
  begins(fault_of("start_run_command", [](B m) { m.mutable_start_run()->clear_run(); }),
         "invalid_argument: run.task: ''");
  begins(fault_of("start_run_command", [](B m) { m.mutable_start_run()->clear_deed(); }),
         "unsupported: an order of a kind");
  begins(fault_of("start_run_command", [](B m) { m.mutable_start_run()->mutable_exec()->set_limit_ns(-1); }),
         "invalid_argument: exec.limit_ns: ");
  begins(fault_of("start_run_command", [](B m) { m.mutable_start_run()->set_start_within_ns(INT64_MAX); }),
         "invalid_argument: start_within_ns: ");
  begins(fault_of("start_run_command", [](B m) { m.mutable_start_run()->set_sent_ns(-1); }),
         "invalid_argument: sent_ns: ");
  begins(
      fault_of("start_run_sync", [](B m) { m.mutable_start_run()->mutable_sync()->set_manifest("short"); }),
      "invalid_argument: sync.manifest: a hash of 5 bytes");
  begins(fault_of("start_run_commit",
                  [](B m) { m.mutable_start_run()->mutable_commit()->set_message(std::string(4097, 'x')); }),
         "too_large: message: 4097 bytes");
  begins(fault_of("run_progress", [](N m) { m.mutable_run_progress()->set_state("fine"); }),
         "invalid_argument: state: 'fine'");
  begins(fault_of("run_ended", [](N m) { m.mutable_run_ended()->set_state("running"); }),
         "invalid_argument: state: a run cannot end");
  begins(fault_of("run_ended", [](N m) { m.mutable_run_ended()->set_lasted_ns(-1); }),
         "invalid_argument: lasted_ns: ");
  begins(fault_of("run_output", [](N m) { m.mutable_run_output()->set_stream(4); }),
         "invalid_argument: stream: ");
  begins(fault_of("run_output", [](N m) { m.mutable_run_output()->set_offset(UINT64_MAX); }),
         "invalid_argument: offset: ");
  begins(fault_of("status", [](N m) { m.mutable_status()->set_uptime_ns(INT64_MIN); }),
         "invalid_argument: uptime_ns: ");
  begins(fault_of("status_with_clock", [](N m) { m.mutable_status()->set_clock_offset_ns(INT64_MIN); }),
         "invalid_argument: clock_offset_ns: ");
  begins(fault_of("status_with_clock", [](N m) { m.mutable_status()->set_clock_bound_ns(-1); }),
         "invalid_argument: clock_bound_ns: ");
  begins(fault_of("ask_manifest", [](N m) { m.set_ask_manifest(""); }),
         "invalid_argument: ask_manifest: a hash of 0 bytes");
  begins(fault_of("ask_chunks", [](N m) { m.mutable_ask_chunks()->add_hashes("x"); }),
         "invalid_argument: ask_chunks.hashes: ");
  begins(fault_of("ask_chunks",
                  [](N m) {
                    for (int i = 0; i < 4096; ++i) m.mutable_ask_chunks()->add_hashes(std::string(32, 'h'));
                  }),
         "too_large: ask_chunks.hashes: ");
}

TEST(MessagesTest, AnEmptyOrUnknownMessageIsUnsupportedAndGarbageIsInvalid) {
  EXPECT_EQ(decode_from_brain("").error().code(), ErrorCode::unsupported);
  EXPECT_EQ(decode_from_node("\xf2\x3f\x01x").error().code(), ErrorCode::unsupported)
      << "field 1022 is of a later version";
  EXPECT_EQ(decode_from_brain("\xff\xff").error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(decode_from_node(Bytes("\x0a\x7f", 2)).error().code(), ErrorCode::invalid_argument);
}

TEST(MessagesTest, AMessageCutAnywhereIsRefusedOrHarmless) {
  for (const auto& [name, message] : from_node_samples()) {
    const Bytes bytes = encode(message);
    for (std::size_t size = 0; size < bytes.size(); ++size)
      (void)decode_from_node(BytesView(bytes).substr(0, size));
  }
  for (const auto& [name, message] : from_brain_samples()) {
    const Bytes bytes = encode(message);
    EXPECT_FALSE(decode_from_brain(BytesView(bytes).substr(0, bytes.size() - 1))) << name;
  }
}

TEST(MessagesTest, UnknownFieldsAreIgnored) {
  for (const auto& [name, message] : from_node_samples()) {
    const auto back = decode_from_node(encode(message) + "\xf2\x3f\x01x");
    ASSERT_TRUE(back) << name;
    EXPECT_EQ(back->index(), message.index());
  }
}

TEST(MessagesTest, ANodeMaySayBytesThatAreNoText) {
  const RunEnd end{.state = RunState::failed, .reason = "no file 'caf\xe9'"};
  const auto back = decode_from_node(encode(FromNode(RunEnded{end})));
  ASSERT_TRUE(back) << "one bad byte must not lose the end of a run";
  EXPECT_EQ(std::get<RunEnded>(*back).end.reason, "no file 'caf?'");
  NodeAppInfo app{.app = app_sample(), .path = "/\xff", .versions = {{"01", "v\xff", {}}}};
  EXPECT_TRUE(decode_from_node(encode(FromNode(AppsAnswer{{app}}))));
  HostStatus status{.platform = "\xff"};
  EXPECT_TRUE(decode_from_node(encode(FromNode(StatusAnswer{status}))));
}

TEST(MessagesTest, ACodeOfALaterVersionIsStillAFailure) {
  EXPECT_EQ(fault_of("failed_of_brain", [](pb::FromBrain& m) { m.mutable_failed()->set_code("tired"); }), "");
  pb::FromBrain proto = brain_sample("failed_of_brain");
  proto.mutable_failed()->set_code("tired");
  EXPECT_EQ(std::get<Failed>(decode_from_brain(bytes_of(proto)).value()).error,
            Error(ErrorCode::internal, "no such manifest"));
}

TEST(MessagesTest, LoadsThatCannotBeAreBroughtIntoRange) {
  pb::FromNode proto = node_sample("status");
  proto.mutable_status()->set_cpu_load_short(std::numeric_limits<double>::quiet_NaN());
  proto.mutable_status()->set_cpu_load_long(-3);
  const auto status = std::get<StatusAnswer>(decode_from_node(bytes_of(proto)).value()).status;
  EXPECT_EQ(status.cpu_load_short, 0);
  EXPECT_EQ(status.cpu_load_long, 0);
}

}  // namespace
}  // namespace octo::wire
