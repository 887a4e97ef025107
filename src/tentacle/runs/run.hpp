// SPDX-License-Identifier: MIT
// One run as LocalRuns holds it. Private to this room.
#pragma once
#include "tentacle/runs/runs.hpp"
#include "tentacle/runs/spool_reader.hpp"

namespace octo::tentacle {

struct LocalRuns::Run {
  Run(const RunId& run_id, std::string run_folder, const Executor& executor)
      : id(run_id), folder(std::move(run_folder)), changed(executor), poked(executor), reader(folder) {}

  // Listeners look again.
  void tell() {
    ++news;
    changed.set();
  }
  // Its follower looks at the record again.
  void poke() {
    dirty = true;
    poked.set();
  }
  void ask_to_end() {
    cancelled = true;
    // A runner that is gone has ended the run already, or its follower is about to find out.
    if (runner && !facts.end) (void)runner->cancel();
  }

  // Its runner looks at what it was told.
  void tell_to_go() {
    told = true;
    if (runner && !facts.end) (void)runner->nudge();
  }

  RunId id;
  std::string folder;
  RunFacts facts;
  std::optional<Instant> acknowledged;
  bool starting = false;
  std::optional<Error> failed;  // its start; nothing was begun and the run is forgotten
  bool cancelled = false;
  bool tied = false;
  bool pid_told = false;
  // Starts together with others: ready; has its instant; told to start; its runner has taken that.
  bool together = false, armed = false, committed = false, told = false, going = false;
  Instant agreed;  // the newest instant that was asked for, by the clock of the Brain
  OutputFlow flow = OutputFlow::live;
  std::uint64_t kept_bytes = 0;  // of output on disk, once it has ended
  std::uint64_t news = 0;
  Event changed;
  bool dirty = false;
  bool spoke = false;           // its runner may have told of output
  bool end_is_durable = false;  // its runner said so
  std::string why_never = "the agent ended before it could start it";
  Event poked;
  std::unique_ptr<Runner> runner;
  SpoolReader reader;
};

}  // namespace octo::tentacle
