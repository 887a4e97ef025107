// SPDX-License-Identifier: MIT
// libFuzzer target: whatever a peer sends, a session judges it and never crashes; the messages it takes are
// judged too. The first byte chooses who is attacked, the second how the bytes are cut.
#include <cstdint>
#include <cstdlib>

#include "wire/messages.hpp"
#include "wire/session.hpp"

namespace octo::wire {
namespace {

constexpr Instant kNow{12h};

Config config_of(Side side) {
  Config config{.side = side, .heartbeat_interval = 10s, .silence_max = 45s};
  if (side == Side::node) config.hello = {.name = "pi0", .instance = "i", .boot_id = "b"};
  return config;
}

void require(bool fact) {
  if (!fact) std::abort();
}

void decode(BytesView bytes) {
  (void)decode_from_brain(bytes);
  (void)decode_from_node(bytes);
}

void drain(Session& session) {
  while (const auto event = session.next_event()) {
    if (const auto* arrived = std::get_if<MessageArrived>(&*event)) {
      decode(arrived->message);
      session.consumed(arrived->stream, arrived->message.size());
    }
  }
  (void)session.take_output(1 << 20, kNow);
}

// A Brain that has welcomed its node, so that most bytes are not wasted on a hello they cannot guess.
Session welcoming() {
  Session node(config_of(Side::node), kNow), brain(config_of(Side::brain), kNow);
  require(!!brain.receive(node.take_output(1 << 20, kNow), kNow));
  brain.welcome({.brain = "brain"});
  drain(brain);
  return brain;
}

void attack(Session session, BytesView bytes, std::size_t piece) {
  while (!bytes.empty()) {
    const auto cut = std::min(piece, bytes.size());
    if (!session.receive(bytes.substr(0, cut), kNow)) {
      (void)session.take_output(1 << 20, kNow);  // the goodbye
      return;
    }
    drain(session);
    bytes.remove_prefix(cut);
  }
  (void)session.tick(kNow + 10s);
  drain(session);
}

}  // namespace
}  // namespace octo::wire

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace octo::wire;
  if (size < 2) return 0;
  const octo::BytesView bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t piece = 1 + data[1] * 16U;
  switch (data[0] % 3) {
    case 0: attack(Session(config_of(Side::brain), kNow), bytes, piece); break;
    case 1: attack(Session(config_of(Side::node), kNow), bytes, piece); break;
    default: attack(welcoming(), bytes, piece);
  }
  return 0;
}
