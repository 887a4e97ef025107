// SPDX-License-Identifier: MIT
// What the fleet keeps of one joined node; private to the room.
#pragma once
#include "async/deadline.hpp"
#include "async/event.hpp"
#include "brain/fleet/fleet.hpp"

namespace octo::brain {

struct LinkFleet::Session {
  Session(link::Link& on, Executor executor) : link(&on), ended(std::move(executor)) {}

  link::Link* link;  // null once the session is over; then `ended` is set
  NodeRecord record;
  std::vector<std::string> features;  // of its hello
  Instant since;
  Nursery* orders = nullptr;  // owns a coroutine per stream, while serve_streams() lives
  Event ended;
};

// A joined session while it lasts: takes it out of the fleet on every way out.
struct LinkFleet::Present {
  explicit Present(LinkFleet& in) : fleet(in) {}
  ~Present() {
    if (joined) fleet.leave(*joined);
  }
  LinkFleet& fleet;
  std::shared_ptr<Session> joined;
};

}  // namespace octo::brain
