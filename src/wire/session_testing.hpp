// SPDX-License-Identifier: MIT
// For tests of this room: two sessions face to face, and steps that read as a script.
#pragma once
#include <gtest/gtest.h>

#include "base/text.hpp"
#include "wire/octopoda.pb.h"
#include "wire/session.hpp"
#include "wire/state.hpp"

namespace octo::wire {

inline const Instant kNoon{12h};

inline Config node_config() {
  Config config{.side = Side::node, .heartbeat_interval = 10s, .silence_max = 45s};
  config.hello = {.features = {"fast", "loud"},
                  .program_version = "2.0.0",
                  .name = "pi0",
                  .instance = "i1",
                  .boot_id = "b1",
                  .labels = {{"arch", "arm64"}, {"room", "größe 1"}}};
  return config;
}
inline Config brain_config() { return {.side = Side::brain, .heartbeat_interval = 10s, .silence_max = 45s}; }

inline std::vector<Event> events_of(Session& session) {
  std::vector<Event> events;
  while (auto event = session.next_event()) events.push_back(std::move(*event));
  return events;
}
// The only event there is.
template <class What>
What event_of(Session& session) {
  const auto events = events_of(session);
  EXPECT_EQ(events.size(), 1U);
  return std::get<What>(events.at(0));
}

inline Bytes output_of(Session& session, Instant now = kNoon) {
  return session.take_output(64 * 1024 * 1024, now);
}

struct FrameSeen {
  FrameType type;
  StreamId stream;
  Bytes payload;
};
inline std::vector<FrameSeen> frames_of(BytesView bytes) {
  std::vector<FrameSeen> frames;
  while (!bytes.empty()) {
    const Header header = decode_header(bytes).value();
    frames.push_back({header.type, header.stream, Bytes(bytes.substr(kHeaderBytes, header.payload_bytes))});
    bytes.remove_prefix(kHeaderBytes + header.payload_bytes);
  }
  return frames;
}
// "message 1, finish 1, credit 2 …"
inline std::string story_of(BytesView bytes) {
  std::string story;
  for (const FrameSeen& frame : frames_of(bytes)) {
    story += fmt::format("{}{} {}", story.empty() ? "" : ", ", name_of(frame.type), frame.stream);
  }
  return story;
}

// A Brain that has welcomed its node, who is a fake: the test writes its frames by hand.
class Hosted {
 public:
  Hosted() {
    EXPECT_TRUE(brain.receive(hello(), kNoon));
    brain.welcome({.features = {}, .brain = "brain"});
    (void)events_of(brain);
    (void)output_of(brain);
  }
  static Bytes hello() {
    Session node(node_config(), kNoon);
    return output_of(node);
  }
  Result<void> gets(FrameType type, StreamId stream, BytesView payload) {
    return brain.receive(frame(type, stream, payload), kNoon);
  }
  // How the Brain judges it.
  std::string refuses(FrameType type, StreamId stream, BytesView payload) {
    const auto judged = gets(type, stream, payload);
    return judged ? ""
                  : fmt::format("{}: {}", octo::name_of(judged.error().code()), judged.error().message());
  }
  Session brain{brain_config(), kNoon};
};

// Both ends real, welcomed and calm.
class Pair {
 public:
  Pair() {
    carry();
    brain.welcome({.features = {"loud", "new"},
                   .program_version = "2.0.1",
                   .brain = "brain",
                   .epoch = 7,
                   .heartbeat = 10s});
    carry();
    (void)events_of(node);
    (void)events_of(brain);
  }
  // Everything there is, both ways, until nobody has anything to say.
  void carry() {
    while (node.has_output() || brain.has_output()) {
      EXPECT_TRUE(brain.receive(output_of(node), now));
      EXPECT_TRUE(node.receive(output_of(brain), now));
    }
  }
  void to_brain() { EXPECT_TRUE(brain.receive(output_of(node), now)); }
  void to_node() { EXPECT_TRUE(node.receive(output_of(brain), now)); }
  Instant now = kNoon;
  Session node{node_config(), kNoon};
  Session brain{brain_config(), kNoon};
};

inline Bytes problem_bytes(ErrorCode code, std::string text) {
  pb::Problem problem;
  problem.set_code(std::string(octo::name_of(code)));
  problem.set_text(std::move(text));
  return problem.SerializeAsString();
}
inline Bytes u32(std::uint32_t value) {
  Bytes out;
  put_u32(out, value);
  return out;
}

}  // namespace octo::wire
