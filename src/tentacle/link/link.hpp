// SPDX-License-Identifier: MIT
// The agent's one session to the Brain: dial, join, serve, and again for ever.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "async/clock.hpp"
#include "async/nursery.hpp"
#include "base/random.hpp"
#include "io/link/link.hpp"
#include "tentacle/link/auto_restart.hpp"
#include "tentacle/work/verbs.hpp"
#include "wire/messages.hpp"

namespace octo::tentacle {

// Where the Brain is now. Asked before every dial, so that a Brain that moved is found.
class Addresses {
 public:
  virtual ~Addresses() = default;
  virtual Async<Result<net::Endpoint>> find_brain() = 0;
};

class BrainLink final : public Barriers {
 public:
  struct Settings {
    NodeName name;
    std::string version;
    std::string instance;  // load_instance()
    std::string boot_id;
    Labels labels;
    std::size_t clock_samples = ClockEstimator::kSamples;  // of the clock, before a start together
    std::string folder;  // what the link remembers on disk: epoch seen, restarts tried
    std::string brain;   // expected in its certificate; empty: any Brain of our CA
    AutoRestart::Rule restart_rule;
    // Runs the settings' command to its end, when they ask for auto restart; empty: never.
    std::function<Async<Result<void>>()> restart;
  };
  BrainLink(Settings settings, Verbs& verbs, Addresses& addresses, net::Dialer& dialer, Clock& clock,
            Random& random);

  // For ever: ends only by being cancelled. Commands go on meanwhile, whatever happens to the link.
  Async<void> run();
  Async<Result<void>> await_barrier(RunId run, std::string name) override;

 private:
  struct Session;
  Async<void> run_rounds(Nursery& nursery);
  Async<void> end_ties();
  // One dial and, if it succeeds, one session. `joined` is set once the Brain has welcomed us.
  Async<Error> round(bool& joined);
  Async<Result<void>> join(link::Link& link);
  Async<void> serve(std::shared_ptr<Session> session);
  Async<void> serve_stream(std::shared_ptr<Session> session, link::Channel channel);
  Async<void> tell(std::shared_ptr<Session> session, RunId run);
  Async<void> resume(std::shared_ptr<Session> session, RunId run);
  Async<bool> offer(Session& session, const RunId& run);
  Async<void> start(std::shared_ptr<Session> session, link::Channel channel, wire::StartRun order);
  Async<Result<void>> check_in_time(Session& session, const wire::StartRun& order);
  // together.cpp
  Async<Result<Span>> learn_time(Session& session, Span max_skew);
  Async<Result<void>> commit(Session& session, RunId run, Instant brain_at, Span max_skew);
  void restart_host(const Error& why, Nursery& nursery);
  Async<void> run_restart();
  Span pause_before(int failures, const Error& why);

  Settings settings_;
  Verbs& verbs_;
  Addresses& addresses_;
  net::Dialer& dialer_;
  Clock& clock_;
  Random& random_;
  AutoRestart auto_restart_;
  Instant last_heard_;              // of the Brain, in the last session that is over
  std::weak_ptr<Session> session_;  // the present one, once the Brain has welcomed us
};

// Random, made at the first start on this disk and kept: tells a reinstalled node from the one before.
Result<std::string> load_instance(const std::string& folder, Random& random);

}  // namespace octo::tentacle
