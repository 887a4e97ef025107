// SPDX-License-Identifier: MIT
// What the link keeps of one session; private to the room.
#pragma once
#include <set>

#include "tentacle/link/link.hpp"

namespace octo::tentacle {

struct BrainLink::Session {
  Session(link::Link& on, Instant since) : link(&on), begun(since) {}
  link::Link* link;                 // null once the session is over
  Instant begun;                    // before its first byte was sent
  std::optional<Instant> measured;  // when the clock was measured for a start
  bool measuring = false;
  std::set<RunId> told;  // runs whose news go over this session: an order for one of them is a repeat

  struct Guard {
    explicit Guard(Session& of) : session(of) {}
    ~Guard() { session.link = nullptr; }
    Session& session;
  };
};

// Fetches over the session it was made for; `unavailable` once that is over.
class LinkSource final : public Source {
 public:
  // `alive` answers the link while it lasts.
  LinkSource(std::function<link::Link*()> alive, Clock& clock) : alive_(std::move(alive)), clock_(clock) {}
  Async<Result<Manifest>> manifest(const Sha256& hash) override;
  Async<Result<void>> chunks(const std::vector<Sha256>& hashes,
                             std::function<Result<void>(const Sha256&, BytesView)> sink) override;

 private:
  Async<Result<link::Channel>> ask(Bytes question);

  std::function<link::Link*()> alive_;
  Clock& clock_;
};

}  // namespace octo::tentacle
