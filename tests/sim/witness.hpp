// SPDX-License-Identifier: MIT
// What really happened, told by machines that cannot lie: the oracle compares what the Brain says with it.
// All instants are true ones.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "domain/order.hpp"
#include "world.hpp"

namespace octo::sim {

constexpr Span kBusyMost = 5ms;  // a start is so late on a machine that is busy with something else

struct Witness {
  explicit Witness(const Executor& executor) : turns(executor) {}
  struct Start {
    std::string machine;
    Instant at;
    std::uint64_t out = 0;  // bytes written so far
    std::uint64_t err = 0;
    bool alive = false;
    bool orphaned = false;  // its runner died, or gave up
    Instant ended = Instant::max();
  };
  std::map<RunId, std::vector<Start>> starts;

  // What a node was told of a run that starts together with others, and what it made of it.
  struct Told {
    std::optional<Instant> yes;    // to the newest commit …
    Instant due;                   // … which was for this instant, as the node's clock has it
    std::optional<Instant> go;     // heard for the first time
    std::optional<Instant> going;  // … and promised
    std::string machine;           // … by this one: more than one may bear the node's name
    std::optional<Instant> off;    // called off, or cancelled, and that was taken
    std::string broken;            // a promise that its node did not know any more
  };
  std::map<RunId, Told> told;

  // That a group starts, by the ledger of the Brain.
  struct Decision {
    Instant first, last;  // of the words of the ledger that it is stored
    Quartz brain;         // the clock in which the instant was agreed
  };
  std::map<TaskId, Decision> decided;
  std::size_t opened = 0;             // barriers
  Event turns;                        // one of these two, now
  std::map<TaskId, Instant> cancels;  // asked for the first time

  // What disturbed, from when to when. Of one run, or (nothing) of all that its node has. `disk`: there was
  // no keeping which Brain it obeys, so it does not join.
  struct Incident {
    enum class Kind : std::uint8_t { link, death, stall, disk };
    Kind kind = Kind::link;
    std::string who;  // a node; "": the Brain
    Instant from, until;
    std::string run;
  };
  std::vector<Incident> incidents;
  void disturbed(Incident::Kind kind, std::string who, Instant when, std::string run = "") {
    incidents.push_back({kind, std::move(who), when, when, std::move(run)});
  }
  // When an agent ended, by its machine's label; and when a machine heard from the Brain.
  std::multimap<std::string, Instant> agent_deaths;
  std::map<std::string, std::vector<Instant>> heard;
  // When the Brain had a session with a node, again.
  std::multimap<NodeName, Instant> sessions;

  // A point at which the runs of a task wait for each other.
  struct Barrier {
    struct Refusal {
      RunId run;
      Instant at;
      std::string why;
    };
    std::map<RunId, Instant> came;  // for the first time
    std::set<RunId> waits;          // now
    std::map<RunId, Instant> passed;
    std::vector<Refusal> refused;
    std::multimap<RunId, Instant> said_no;  // by the Brain: a link may take long to bring it
    Instant said(const Refusal& refusal) const {
      Instant last{};
      for (auto [at, end] = said_no.equal_range(refusal.run); at != end; ++at) {
        if (at->second <= refusal.at) last = std::max(last, at->second);
      }
      return last == Instant{} ? refusal.at : last;
    }
    std::map<RunId, Instant> gave_up;  // when their own time was over
    bool open = false;                 // a Brain has let somebody pass
    std::vector<RunId> held_up;        // who had to wait then
  };
  std::map<std::pair<TaskId, std::string>, Barrier> barriers;
};

}  // namespace octo::sim
