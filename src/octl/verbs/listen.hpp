// SPDX-License-Identifier: MIT
// The Brain's side of following a task: gets its events through lost connections and restarts of the Brain.
// Private to follow.
#pragma once
#include <functional>

#include "async/mailbox.hpp"
#include "octl/verbs/verbs.hpp"

namespace octo::octl {

using Start =
    std::function<Async<Result<client::Brain::Started>>(client::Brain& brain, const std::string& key)>;

// What happens to who follows a task, one thing at a time.
struct Begun {
  TaskId task;
};
struct Known {
  std::vector<RunRow> runs;
};
struct Ended {
  Result<void> how;
};
struct Signal {
  int number;
};
struct Answer {
  std::optional<std::string> line;  // nothing: the end of the input
};
struct Long {};     // people wait in front of an empty screen
struct Unread {};   // nobody has read what we print, and the task still goes on
struct Overdue {};  // a cancelled task that does not end
struct TooLong {};  // longer than who listens wants to wait
using Happening =
    std::variant<Begun, Known, TaskEvent, Ended, Signal, Answer, Long, Unread, Overdue, TooLong>;

// Of a task that we did not start: all that was, or only what comes.
enum class Replay { all, nothing };

class Listener {
 public:
  Listener(Call& call, std::variant<Start, TaskId> what, Replay replay, Mailbox<Happening>& into)
      : call_(call), what_(std::move(what)), replay_(replay), into_(into) {}

  // Begun, then every event, then Ended; Ended alone when it cannot begin.
  Async<void> listen();
  // Known: every run there is, with the pids that events do not tell.
  Async<void> learn_runs(TaskId task);
  // On a connection of its own, a few times where the Brain is away. Nothing to cancel any more is well.
  Async<Result<void>> cancel(TaskId task);

 private:
  Async<Result<client::Brain::Started>> begin();
  // The number of the last event seen; 0: none yet.
  Async<Result<std::unique_ptr<client::TaskEvents>>> events_after(client::Brain& brain, const TaskId& task,
                                                                  std::uint64_t seen) const;
  Async<Result<void>> drain(client::TaskEvents& events, std::uint64_t& seen);
  template <class T>
  Async<Result<T>> patiently(std::function<Async<Result<T>>(client::Brain&)> ask, Error lost);
  template <class T>
  Async<Result<T>> beside(std::function<Async<Result<T>>(client::Brain&)> ask);
  template <class T>
  Async<Result<T>> ask_beside(const std::function<Async<Result<T>>(client::Brain&)>& ask);

  Call& call_;
  std::variant<Start, TaskId> what_;  // to start, or to attach to
  Replay replay_;
  Mailbox<Happening>& into_;
  std::optional<Instant> lost_since_;  // no event since then
  Span pause_{};
};

}  // namespace octo::octl
