// SPDX-License-Identifier: MIT
// Starts a task and listens to it until it is done, whatever happens to the connection meanwhile.
//
// A POST without an answer is sent again with the same key; a broken stream is taken up again at the event
// after the last one seen; both give up after a minute of silence (verbs/listen.hpp).
//
// Who started the task may end it, who only listens never does:
//                          started it                         attached to it
//   Ctrl-C on a terminal   asks: cancel, detach or go on      the same
//   a second Ctrl-C        leaves                             leaves
//   Ctrl-C elsewhere       cancels                            leaves
//   SIGTERM                cancels                            leaves
//   SIGHUP                 leaves a terminal, else cancels    leaves
//   stdout breaks          cancels                            leaves
// A signal that was ignored when octl started stays ignored.
#pragma once
#include <set>

#include "octl/print/viewer.hpp"
#include "octl/verbs/listen.hpp"

namespace octo::octl {

enum class Until {
  ended,    // every run
  running,  // background: every run has begun, with its pid
  loaded,   // delayed: every node has it and starts it when its time has come
  begun,    // the Brain has the task; its id is printed
};
struct Following {
  Show show;
  Until until = Until::ended;
  std::optional<Span> within;  // then we leave with timed_out's code
  std::set<NodeName> only;     // of these; none named: of all
  bool output_only = false;    // what the runs came to does not matter to the exit code
  bool end_only = false;       // only what they came to matters: of what was before its end nothing is read
  bool tied = false;           // leaving ends the task: the Brain sees to it
};

// The exit code: of one target its own, else by the states of the runs.
Async<Result<int>> follow(Call& call, Following how, Start start);
// A task that goes on or is over, from its first event.
Async<Result<int>> attach(Call& call, Following how, TaskId task);

struct Followed {
  int code = 0;
  bool left = false;  // somebody wants no more of it
};
Async<Result<Followed>> follow_once(Call& call, Following how, Start start);

// What was typed at the question.
enum class Choice { cancel, detach, go_on, unclear };
// Nothing: the end of the input, which leaves the task alone.
Choice parse_choice(const std::optional<std::string>& line);

}  // namespace octo::octl
