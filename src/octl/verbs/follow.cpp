// SPDX-License-Identifier: MIT
#include "octl/verbs/follow.hpp"

#include <deque>

#include "async/mailbox.hpp"
#include "async/nursery.hpp"
#include "io/process/process.hpp"
#include "octl/exit_code.hpp"
#include "octl/verbs/tty.hpp"

namespace octo::octl {

namespace {

constexpr Span kPatience = 400ms;  // before an empty screen looks dead
constexpr Span kSilenceMax = 60s;  // of the Brain, until we give up listening
constexpr Span kRetryFirst = 100ms;
constexpr Span kRetryLongest = 5s;
// A cancelled tree gets limits::kill_grace; the rest is for nodes that come back from a short absence.
constexpr Span kCancelWait = limits::kill_grace + 25s;

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
  char letter;
};
struct Long {};
struct Overdue {};
using Happening = std::variant<Begun, Known, TaskEvent, Ended, Signal, Answer, Long, Overdue>;

bool may_come_back(const Error& error) {
  return error.code() == ErrorCode::unavailable || error.code() == ErrorCode::timed_out;
}

class Follower {
 public:
  Follower(Call& call, Show show, std::variant<Start, TaskId> what, Executor executor)
      : call_(call),
        show_(show),
        what_(std::move(what)),
        viewer_(make_viewer(show, call.output)),
        view_(viewer_->keep()),
        happenings_(std::move(executor)) {}

  Async<Result<int>> run() {
    co_return co_await in_nursery([this](Nursery& nursery) -> Async<Result<int>> {
      nursery_ = &nursery;
      nursery.spawn(listen());
      nursery.spawn(hear_signals());
      while (!exit_) {
        auto happening = co_await happenings_.take();
        if (auto* event = std::get_if<TaskEvent>(&*happening); event != nullptr && asking_) {
          put_off_.push_back(std::move(*event));
        } else {
          std::visit([this](auto& what) { on(what); }, *happening);
        }
        if (!asking_ && !exit_) take_up();
      }
      co_return std::move(*exit_);
    });
  }

 private:
  // What happens, one at a time.
  void on(Begun& begun) {
    task_ = begun.task;
    nursery_->spawn(after(kPatience, Long{}));
    if (show_.background) nursery_->spawn(learn_runs());
    if (cancelling_) nursery_->spawn(cancel());
  }
  void on(Known& known) {
    known_ = true;
    for (const RunRow& row : known.runs) {
      // Events come in their own time: the answer may be older than them, or newer.
      const RunView* seen = view_.find(row.id);
      if (seen == nullptr || (!is_final(seen->row.state) && row.pid)) view_.set(row);
    }
    leave_if_started();
  }
  void on(TaskEvent& event) {
    view_.apply(event);
    viewer_->event(event, view_);
    leave_if_started();
    if (call_.output.broken() && !cancelling_) start_cancelling();
  }
  void on(Ended& ended) {
    asking_ = false;
    take_up();
    if (!ended.how) {
      if (!task_.empty())
        call_.output.say(fmt::format("task {} may go on; see: octl task attach {}", task_, task_));
      exit_ = fail(std::move(ended.how).error());
      return;
    }
    const bool command = show_.kind == TaskKind::command || show_.kind == TaskKind::script;
    if (!command) finish(exit_code_of(view_.outcome()));
    else if (show_.one_target && view_.runs().size() == 1)
      finish(exit_code_of(view_.runs().begin()->second.row));
    else finish(exit_code_of(view_.counts()));
  }
  void on(Signal& signal) {
    if (asking_ || (cancelling_ && !call_.output.broken())) {
      if (asking_) call_.output.write_err("\n");
      if (!task_.empty())
        call_.output.say(fmt::format("left; task {}: octl task attach|cancel {}", task_, task_));
      exit_ = kInterrupted;
    } else if (signal.number == SIGINT && !task_.empty() && can_ask()) {
      asking_ = true;
      call_.output.write_err("\noctl: [c]ancel it on every node, [d]etach, or go on [enter]? ");
      nursery_->spawn(hear_answer());
    } else {
      start_cancelling();
    }
  }
  void on(Answer& answer) {
    asking_ = false;
    if (answer.letter == 'c' || answer.letter == 'C') {
      start_cancelling();
    } else if (answer.letter == 'd' || answer.letter == 'D') {
      call_.output.say(fmt::format("task {} goes on: octl task attach|cancel {}", task_, task_));
      exit_ = kWell;
    }
  }
  void on(Long&) {
    if (!view_.done()) viewer_->grows_long(view_);
  }
  void on(Overdue&) {
    call_.output.say(fmt::format("task {} has not ended yet; see: octl task show {}", task_, task_));
    finish(kInterrupted);
  }

  bool can_ask() const {
    const Look& look = call_.output.look();
    return look.in_terminal && look.err_terminal && !look.silent;
  }
  void take_up() {
    for (; !put_off_.empty(); put_off_.pop_front()) on(put_off_.front());
  }
  void leave_if_started() {
    if (show_.background && known_ && !exit_ && view_.all_started()) {
      auto counts = view_.counts();
      counts.erase(RunState::running);
      finish(exit_code_of(counts));
    }
  }
  void finish(int code) {
    viewer_->end(task_, view_);
    exit_ = cancelling_ ? kInterrupted : call_.output.broken() ? kOurError : code;
  }
  void start_cancelling() {
    cancelling_ = true;
    if (!task_.empty()) nursery_->spawn(cancel());
    nursery_->spawn(after(kCancelWait, Overdue{}));
  }

  // Where happenings come from.
  Async<void> listen() {
    auto started = co_await begin();
    if (!started) {
      happenings_.put(Ended{fail(std::move(started).error())});
      co_return;
    }
    const TaskId task = started->task;
    happenings_.put(Begun{task});
    std::unique_ptr<client::TaskEvents> events = std::move(started->events);
    std::uint64_t seen = 0;
    while (true) {
      auto drained = co_await drain(*events, seen);
      events.reset();
      if (drained || !may_come_back(drained.error())) {
        happenings_.put(Ended{std::move(drained)});
        co_return;
      }
      auto again = co_await patiently<std::unique_ptr<client::TaskEvents>>(
          [&](client::Brain& brain) { return brain.events(task, seen + 1); }, drained.error());
      if (!again) {
        happenings_.put(Ended{fail(std::move(again).error().with(fmt::format("listen to task {}", task)))});
        co_return;
      }
      events = std::move(*again);
    }
  }
  // Until `done`, or why not.
  Async<Result<void>> drain(client::TaskEvents& events, std::uint64_t& seen) {
    bool done = false;
    while (auto event = OCTO_CO_TRY(co_await events.next())) {
      seen = event->number;
      lost_since_.reset();
      done = event->kind == TaskEvent::Kind::done;
      happenings_.put(std::move(*event));
    }
    if (!done) co_return fail(ErrorCode::unavailable, "the Brain ended the stream of events");
    co_return Result<void>();
  }
  Async<Result<client::Brain::Started>> begin() {
    if (const TaskId* task = std::get_if<TaskId>(&what_)) {
      auto events = OCTO_CO_TRY(
          co_await call_.session.call([&](client::Brain& brain) { return brain.events(*task, 1); }));
      co_return client::Brain::Started{.task = *task, .events = std::move(events)};
    }
    const std::string key = OCTO_CO_TRY(call_.session.make_key());
    const auto start = [&](client::Brain& brain) { return std::get<Start>(what_)(brain, key); };
    auto started = co_await call_.session.call(start);
    // Nothing was sent where the Brain cannot be reached; a request without an answer may have started the
    // task.
    const bool sent = started || started.error().code() == ErrorCode::timed_out;
    if (!started && sent) started = co_await patiently<client::Brain::Started>(start, started.error());
    if (started || !sent || !may_come_back(started.error())) call_.session.drop_key(key);
    co_return started;
  }
  template <class T>
  Async<Result<T>> patiently(std::function<Async<Result<T>>(client::Brain&)> ask, Error lost) {
    call_.output.say(
        fmt::format("lost the Brain ({}); trying again for {}", lost.message(), print_span(kSilenceMax)));
    // An answer alone is no progress: a stream may break again before its first event.
    if (!lost_since_) {
      lost_since_ = call_.clock.now();
      pause_ = kRetryFirst;
    }
    while (true) {
      co_await call_.clock.sleep(pause_);
      pause_ = std::min(2 * pause_, kRetryLongest);
      auto answer = co_await call_.session.call(ask);
      const bool too_long = call_.clock.now() - *lost_since_ >= kSilenceMax;
      if (answer && too_long) co_return fail(std::move(lost));
      if (answer) call_.output.say("the Brain is back");
      if (answer || too_long || !may_come_back(answer.error())) co_return answer;
    }
  }
  Async<void> learn_runs() {
    auto detail =
        co_await beside<api::TaskDetail>([this](client::Brain& brain) { return brain.task(task_); });
    if (detail) happenings_.put(Known{std::move(detail->runs)});
    else happenings_.put(Ended{fail(std::move(detail).error().with("learn what has started"))});
  }
  Async<void> cancel() {
    const auto cancelled = co_await ask_to_cancel();
    if (!cancelled) call_.output.say(fmt::format("cancel task {}: {}", task_, cancelled.error().message()));
  }
  Async<Result<void>> ask_to_cancel() {
    const std::string key = OCTO_CO_TRY(call_.session.make_key());
    auto cancelled = co_await beside<void>([&](client::Brain& brain) { return brain.cancel(task_, key); });
    if (cancelled || !may_come_back(cancelled.error())) call_.session.drop_key(key);
    co_return cancelled;
  }
  // Asks on a connection of its own, a few times where the Brain is away.
  template <class T>
  Async<Result<T>> beside(std::function<Async<Result<T>>(client::Brain&)> ask) {
    for (Span pause = kRetryFirst;; pause *= 2) {
      auto answer = co_await ask_beside(ask);
      if (answer || !may_come_back(answer.error()) || pause > kRetryLongest) co_return answer;
      co_await call_.clock.sleep(pause);
    }
  }
  template <class T>
  Async<Result<T>> ask_beside(const std::function<Async<Result<T>>(client::Brain&)>& ask) {
    auto brain = OCTO_CO_TRY(co_await call_.session.another());
    co_return co_await ask(*brain);
  }
  Async<void> after(Span span, Happening what) {
    co_await call_.clock.sleep(span);
    happenings_.put(std::move(what));
  }
  Async<void> hear_signals() {
    while (true) happenings_.put(Signal{co_await process::stop_signal()});
  }
  Async<void> hear_answer() { happenings_.put(Answer{co_await read_answer()}); }

  Call& call_;
  Show show_;
  std::variant<Start, TaskId> what_;  // to start, or to attach to
  std::unique_ptr<Viewer> viewer_;
  TaskView view_;
  Mailbox<Happening> happenings_;
  Nursery* nursery_ = nullptr;
  TaskId task_;
  std::optional<Instant> lost_since_;  // no event since then
  Span pause_ = kRetryFirst;
  std::deque<TaskEvent> put_off_;  // events that came while a question stands on the screen
  std::optional<Result<int>> exit_;
  bool asking_ = false;
  bool cancelling_ = false;
  bool known_ = false;
};

}  // namespace

Async<Result<int>> follow(Call& call, Show show, Start start) {
  Follower follower(call, show, std::move(start), co_await asio::this_coro::executor);
  co_return co_await follower.run();
}

Async<Result<int>> attach(Call& call, Show show, TaskId task) {
  Follower follower(call, show, std::move(task), co_await asio::this_coro::executor);
  co_return co_await follower.run();
}

}  // namespace octo::octl
