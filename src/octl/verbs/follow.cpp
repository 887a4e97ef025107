// SPDX-License-Identifier: MIT
#include "octl/verbs/follow.hpp"

#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <deque>

#include "async/nursery.hpp"
#include "octl/exit_code.hpp"
#include "octl/verbs/signals.hpp"
#include "octl/verbs/tty.hpp"

namespace octo::octl {

namespace {

constexpr Span kPatience = 400ms;   // before an empty screen looks dead
constexpr Span kLastWords = 300ms;  // of a task that was about to end when its output could not be written
constexpr std::size_t kQuestionsMax = 3;  // the same one: an answer that is none is asked for again twice
// A cancelled tree gets limits::kill_grace; the rest is for nodes that come back from a short absence.
constexpr Span kCancelWait = limits::kill_grace + 25s;

class Follower {
 public:
  Follower(Call& call, Following how, std::variant<Start, TaskId> what, Executor executor)
      : call_(call),
        how_(std::move(how)),
        viewer_(make_viewer(how_.show, call.output)),
        view_(viewer_->keep()),
        happenings_(std::move(executor)) {
    if (const TaskId* task = std::get_if<TaskId>(&what)) task_ = *task;
    ours_ = task_.empty();
    listener_.emplace(call, std::move(what), how_.end_only ? Replay::nothing : Replay::all, happenings_);
  }

  Async<Result<Followed>> run() {
    co_return co_await in_nursery([this](Nursery& nursery) -> Async<Result<Followed>> {
      nursery_ = &nursery;
      nursery.spawn(hear_signals());
      nursery.spawn(listener_->listen());
      if (how_.within) nursery.spawn(after(*how_.within, TooLong{}));
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
  void on(Begun& begun) {
    task_ = begun.task;
    if (leaving_) return leave(kInterrupted);
    if (how_.until == Until::begun) return tell_task();
    nursery_->spawn(after(kPatience, Long{}));
    if (how_.until != Until::ended) nursery_->spawn(listener_->learn_runs(task_));
    if (cancelling_) nursery_->spawn(cancel());
  }
  void on(Known& known) {
    known_ = true;
    for (const RunRow& row : known.runs) {
      // Events come in their own time: the answer may be older than them, or newer.
      const RunView* seen = view_.find(row.id);
      const bool tells_more = seen == nullptr || (!is_final(seen->row.state) && row.pid);
      if (how_.end_only || tells_more) view_.set(row);
    }
    if (how_.end_only) return finish_by_states();
    leave_if_started();
  }
  void on(TaskEvent& event) {
    const bool of_run = event.kind == TaskEvent::Kind::state || event.kind == TaskEvent::Kind::output;
    if (of_run && !how_.only.empty() && !how_.only.contains(event.run.id.node)) return;
    view_.apply(event);
    viewer_->event(event, view_);
    leave_if_started();
    if (!exit_ && call_.output.broken() && !std::exchange(unread_, true)) {
      if (!ours_) return leave(kOurError);
      nursery_->spawn(after(kLastWords, Unread{}));
    }
    show_progress();
  }
  void on(Ended& ended) {
    if (std::exchange(asking_, false)) call_.output.write_err("\n");
    take_up();
    if (exit_) return;
    if (!ended.how) {
      if (!task_.empty())
        call_.output.say(fmt::format("task {} may go on; see: octl task attach {}", task_, task_));
      exit_ = fail(std::move(ended.how).error());
      return;
    }
    if (how_.output_only) return finish(kWell);
    if (how_.end_only) return nursery_->spawn(listener_->learn_runs(task_));
    finish_by_states();
  }
  void finish_by_states() {
    const auto latest = view_.latest();
    const bool command = how_.show.kind == TaskKind::command || how_.show.kind == TaskKind::script;
    if (!command) finish(exit_code_of(view_.outcome()));
    else if (how_.show.one_target && latest.size() == 1) finish(exit_code_of(latest.front()->row));
    else finish(exit_code_of(view_.verdicts()));
  }
  void on(Signal& signal) {
    const Look& look = call_.output.look();
    const bool hung_up = signal.number == SIGHUP && (look.in_terminal || look.err_terminal);
    if (std::exchange(asking_, false)) {
      call_.output.write_err("\n");
      leave(kInterrupted);
    } else if (cancelling_) {
      leave(kInterrupted);
    } else if (signal.number == SIGINT && !task_.empty() && can_ask()) {
      questions_ = 0;
      ask();
    } else if (ours_ && (!hung_up || how_.tied)) {
      start_cancelling();
    } else if (!task_.empty()) {
      leave(kInterrupted);
    } else {
      leaving_ = true;  // once the task has a name
    }
  }
  void on(Answer& answer) {
    if (!asking_) return;
    asking_ = false;
    switch (parse_choice(answer.line)) {
      case Choice::cancel: return start_cancelling();
      case Choice::detach:
        if (!answer.line) call_.output.write_err("\n");
        return leave(kWell);
      case Choice::go_on: return;
      case Choice::unclear:
        if (questions_ < kQuestionsMax) return ask();
        call_.output.say("nothing of these was typed: the task goes on, and octl listens");
    }
  }
  void on(Long&) {
    if (view_.done()) return;
    long_ = true;
    viewer_->grows_long(view_);
    show_progress();
  }
  void on(Unread&) {
    if (!view_.done() && !cancelling_) start_cancelling();
  }
  void on(Overdue&) {
    call_.output.say(fmt::format("task {} has not ended yet; see: octl task show {}", task_, task_));
    finish(kInterrupted);
  }
  void on(TooLong&) {
    call_.output.say(fmt::format("task {} has not ended within {}", task_, print_span(*how_.within)));
    exit_ = Followed{.code = kTimeLimit, .left = true};
  }

  void show_progress() {
    // What has come already is taken in first: thousands of lines a second are nobody's to read.
    if (long_ && !exit_ && !asking_ && !how_.show.one_target && happenings_.size() == 0)
      call_.output.progress(print_progress(view_));
  }
  bool can_ask() const {
    const Look& look = call_.output.look();
    return look.in_terminal && look.err_terminal && !look.silent;
  }
  void ask() {
    asking_ = true;
    ++questions_;
    call_.output.write_err(fmt::format("{}octl: [c]ancel it on every node, [d]etach, or go on [enter]? ",
                                       questions_ == 1 ? "\n" : ""));
    nursery_->spawn(hear_answer());
  }
  void take_up() {
    while (!put_off_.empty() && !exit_) {
      TaskEvent event = std::move(put_off_.front());
      put_off_.pop_front();
      on(event);
    }
  }
  void tell_task() {
    if (call_.output.for_people()) call_.output.write(fmt::format("{}\n", task_));
    else call_.output.print({.json = Json::Object{{"task", task_}}});
    exit_ = Followed{.code = kWell, .left = true};
  }
  void leave_if_started() {
    if (exit_ || !known_) return;  // events alone do not tell how many runs there are
    const bool started = (how_.until == Until::running && view_.all_started()) ||
                         (how_.until == Until::loaded && view_.all_loaded());
    if (!started) return;
    auto counts = view_.verdicts();
    for (const RunState open : {RunState::armed, RunState::running}) counts.erase(open);
    finish(exit_code_of(counts));
  }
  // The task goes on without us, unless it is tied.
  void leave(int code) {
    if (!task_.empty() && how_.tied) call_.output.say(fmt::format("left; task {} is tied and ends", task_));
    else if (!task_.empty())
      call_.output.say(fmt::format("task {} goes on: octl task attach|cancel {}", task_, task_));
    exit_ = Followed{.code = code, .left = true};
  }
  void finish(int code) {
    call_.output.progress("");
    viewer_->end(task_, view_);
    const int shown = call_.output.broken() || viewer_->failed() ? kOurError : code;
    exit_ = Followed{.code = cancelling_ && !unread_ ? kInterrupted : shown, .left = cancelling_};
  }
  void start_cancelling() {
    cancelling_ = true;
    if (!task_.empty()) nursery_->spawn(cancel());
    nursery_->spawn(after(kCancelWait, Overdue{}));
  }

  Async<void> cancel() {
    const auto cancelled = co_await listener_->cancel(task_);
    if (!cancelled && !view_.done())
      call_.output.say(fmt::format("cancel task {}: {}", task_, cancelled.error().message()));
  }
  Async<void> after(Span span, Happening what) {
    co_await call_.clock.sleep(span);
    happenings_.put(std::move(what));
  }
  // One set for all the time: between two of them a signal would kill us.
  Async<void> hear_signals() {
    asio::signal_set signals(co_await asio::this_coro::executor);
    add_stop_signals(signals);
    while (true) happenings_.put(Signal{co_await signals.async_wait(asio::use_awaitable)});
  }
  Async<void> hear_answer() { happenings_.put(Answer{co_await read_answer()}); }

  Call& call_;
  Following how_;
  std::unique_ptr<Viewer> viewer_;
  TaskView view_;
  Mailbox<Happening> happenings_;
  std::optional<Listener> listener_;
  Nursery* nursery_ = nullptr;
  TaskId task_;
  std::deque<TaskEvent> put_off_;  // events that came while a question stands on the screen
  std::optional<Result<Followed>> exit_;
  std::size_t questions_ = 0;
  bool ours_ = true;  // we started it
  bool asking_ = false;
  bool cancelling_ = false;
  bool leaving_ = false;
  bool known_ = false;
  bool unread_ = false;
  bool long_ = false;
};

Result<int> code_of(Result<Followed> followed) {
  if (!followed) return fail(std::move(followed).error());
  return followed->code;
}

}  // namespace

Choice parse_choice(const std::optional<std::string>& line) {
  if (!line) return Choice::detach;
  const std::string word = lower(trim(*line));
  if (word.empty()) return Choice::go_on;
  if (word == "c" || word == "cancel") return Choice::cancel;
  if (word == "d" || word == "detach") return Choice::detach;
  return Choice::unclear;
}

Async<Result<Followed>> follow_once(Call& call, Following how, Start start) {
  Follower follower(call, std::move(how), std::move(start), co_await asio::this_coro::executor);
  co_return co_await follower.run();
}

Async<Result<int>> follow(Call& call, Following how, Start start) {
  co_return code_of(co_await follow_once(call, std::move(how), std::move(start)));
}

Async<Result<int>> attach(Call& call, Following how, TaskId task) {
  Follower follower(call, std::move(how), std::move(task), co_await asio::this_coro::executor);
  co_return code_of(co_await follower.run());
}

}  // namespace octo::octl
