// SPDX-License-Identifier: MIT
// What commands of this world do, and the witness of what they did.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "domain/order.hpp"
#include "world.hpp"

namespace octo::sim {

// "sim CHUNKS BYTES PAUSE_MS EXIT": writes so many bytes that often, then ends. A stubborn one ignores
// SIGTERM.
struct Program {
  std::uint32_t chunks = 1;
  std::uint32_t bytes = 10;
  Span pause = 10ms;
  int exit_code = 0;
  bool stubborn = false;
};
std::string print(const Program& program);
Program parse_program(std::string_view text);

// What every start of a run writes: known from its name alone.
char output_at(const RunId& run, OutputStream stream, std::uint64_t offset);

// What really happened, by machines that cannot lie: the oracle compares what the Brain says with it.
struct Witness {
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
};

}  // namespace octo::sim
