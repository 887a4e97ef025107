// SPDX-License-Identifier: MIT
// What commands of this world do.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "witness.hpp"

namespace octo::sim {

// "sim CHUNKS BYTES PAUSE_MS EXIT": writes so many bytes that often, then ends. A stubborn one ignores
// SIGTERM. "meet CHUNK TIMES PATIENCE_MS": before that chunk it waits at a barrier, and before the next ones
// at the same again, so many times in all; without patience for ever. "absent NODE": that node lacks the
// program.
struct Program {
  std::uint32_t chunks = 1;
  std::uint32_t bytes = 10;
  Span pause = 10ms;
  int exit_code = 0;
  bool stubborn = false;
  struct Meeting {
    std::uint32_t chunk = 0;
    std::uint32_t times = 1;
    Span patience{};
  };
  std::optional<Meeting> meeting;
  std::string absent;
};
std::string print(const Program& program);
Program parse_program(std::string_view text);

constexpr const char* kMeeting = "meeting";  // the barrier's name

// What every start of a run writes: known from its name alone.
char output_at(const RunId& run, OutputStream stream, std::uint64_t offset);

struct Process;
struct Pipe;

// The process of one run, which will be its program.
struct Command {
  Process& process;
  RunId run;
  Program program;
  std::shared_ptr<Pipe> go, out, err;
  int ready = -1;  // its end, of one that starts together with others
};

// It is the program from now on, until it ends. Every step may find it dead.
Async<void> be_program(Command command, VirtualClock& clock);

}  // namespace octo::sim
