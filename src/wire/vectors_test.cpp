// SPDX-License-Identifier: MIT
// Golden bytes: what other implementations may rely on. ./dev golden --accept rewrites
// spec/vectors/wire.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "wire/messages_samples.hpp"
#include "wire/session_testing.hpp"

namespace octo::wire {
namespace {

namespace fs = std::filesystem;

struct Vector {
  std::string name;
  std::string about;
  Bytes bytes;
};

// "# about", then 32 bytes a line.
std::string print(const Vector& vector) {
  std::string text = fmt::format("# {}\n", vector.about);
  for (std::size_t at = 0; at < vector.bytes.size(); at += 32) {
    text += print_hex(BytesView(vector.bytes).substr(at, 32)) + "\n";
  }
  return text;
}

std::vector<Vector> frames() {
  Pair pair;
  std::vector<Vector> vectors;
  const auto add = [&](std::string name, std::string about, Bytes bytes) {
    vectors.push_back({"frame_" + std::move(name), "frame " + std::move(about), std::move(bytes)});
  };
  Session node(node_config(), kNoon), brain(brain_config(), kNoon);
  const Bytes hello = output_of(node);
  add("hello", "hello: version 1, features fast and loud, program 2.0.0, name pi0, instance i1, boot b1",
      hello);
  (void)brain.receive(hello, kNoon);
  brain.welcome({.features = {"loud", "new"},
                 .program_version = "2.0.1",
                 .brain = "brain",
                 .epoch = 7,
                 .heartbeat = 10s});
  const Bytes welcome = output_of(brain);
  add("welcome", "welcome: version 1, feature loud, program 2.0.1, Brain brain, epoch 7, heartbeat 10 s",
      welcome);
  Session refuser(brain_config(), kNoon);
  (void)refuser.receive(hello, kNoon);
  refuser.refuse(Error(ErrorCode::forbidden, "another node has this name"));
  add("refuse", "refuse: forbidden, 'another node has this name'", output_of(refuser));
  (void)pair.node.tick(kNoon);
  const Bytes ping = output_of(pair.node);
  add("ping", "ping: sent at 12 h of the node's boot clock, nothing measured yet", ping);
  (void)pair.brain.receive(ping, kNoon + 1ms);
  add("pong", "pong: to that ping, seen and answered at 12 h 1 ms of the Brain's boot clock",
      output_of(pair.brain));
  const StreamId stream = pair.node.open(Priority::control).value();
  (void)pair.node.send(stream, encode(FromNode(ResumeRun{run_sample()})));
  const Bytes message = output_of(pair.node);
  add("message", "message: opens stream 1 with resume_run", message);
  (void)pair.brain.receive(message, kNoon);
  add("credit", "credit: 65536 bytes for stream 1", frame(FrameType::credit, 1, u32(65536)));
  pair.node.finish(stream);
  add("finish", "finish: of stream 1", output_of(pair.node));
  pair.brain.reset(stream, Error(ErrorCode::unsupported, "not known here"));
  add("reset", "reset: of stream 1, unsupported, 'not known here'", output_of(pair.brain));
  pair.brain.goodbye(Error(ErrorCode::unavailable, "the Brain is stopped"));
  add("goodbye", "goodbye: unavailable, 'the Brain is stopped'", output_of(pair.brain));
  return vectors;
}

std::vector<Vector> all_vectors() {
  std::vector<Vector> vectors = frames();
  for (const auto& [name, message] : from_brain_samples()) {
    vectors.push_back({"message_" + name, "message of the Brain: " + name, encode(message)});
  }
  for (const auto& [name, message] : from_node_samples()) {
    vectors.push_back({"message_" + name, "message of a node: " + name, encode(message)});
  }
  return vectors;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(VectorsTest, TheBytesAreThoseOfTheSpecification) {
  const fs::path folder = fs::path(OCTO_SOURCE_DIR) / "spec/vectors/wire";
  const bool write = std::getenv("OCTO_GOLDEN_ACCEPT") != nullptr;
  std::set<std::string> names;
  for (const Vector& vector : all_vectors()) {
    const std::string file = vector.name + ".hex";
    EXPECT_TRUE(names.insert(file).second) << "two vectors " << file;
    if (write) {
      fs::create_directories(folder);
      std::ofstream(folder / file, std::ios::binary) << print(vector);
    }
    EXPECT_EQ(text_of(folder / file), print(vector)) << file;
  }
  for (const auto& entry : fs::directory_iterator(folder)) {
    EXPECT_TRUE(names.contains(entry.path().filename())) << entry.path() << " belongs to nothing any more";
  }
}

TEST(VectorsTest, EveryTypeOfFrameHasItsVector) {
  std::set<FrameType> types;
  for (const Vector& vector : frames()) {
    for (const FrameSeen& seen : frames_of(vector.bytes)) types.insert(seen.type);
  }
  EXPECT_EQ(types.size(), 10U);
}

}  // namespace
}  // namespace octo::wire
