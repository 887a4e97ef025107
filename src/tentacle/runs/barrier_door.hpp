// SPDX-License-Identifier: MIT
// BarrierDoor: where octl-sync of this node's runs knocks (spec/time.md). One line comes,
// "<task>.<step>.<attempt> <barrier>"; one line goes, "ok" or "error <why>", when it is known. Whoever hangs
// up waits no more.
//
// Life: open, then serve() until cancelled. The socket is replaced by the next agent; who waits asks it
// again.
#pragma once
#include <memory>
#include <string>

#include "async/clock.hpp"
#include "tentacle/work/ports.hpp"

namespace octo::tentacle {

class BarrierDoor {
 public:
  // `path` of the socket, any length. Only root, the agent's user and the user of the run itself are heard.
  static Result<std::unique_ptr<BarrierDoor>> open(const std::string& path, const NodeName& node,
                                                   const Runs& runs, Barriers& barriers, Clock& clock);
  ~BarrierDoor();
  Async<void> serve();

 private:
  struct Visit;
  BarrierDoor(int listening, NodeName node, const Runs& runs, Barriers& barriers, Clock& clock);
  Async<void> hear(std::shared_ptr<Visit> visit);

  int listening_;
  std::size_t waiting_max_;  // connections at once; a descriptor each
  NodeName node_;
  const Runs& runs_;
  Barriers& barriers_;
  Clock& clock_;
};

}  // namespace octo::tentacle
