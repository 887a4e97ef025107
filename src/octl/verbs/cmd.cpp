// SPDX-License-Identifier: MIT
#include <boost/asio/use_awaitable.hpp>

#include "async/mailbox.hpp"
#include "async/nursery.hpp"
#include "io/files/files.hpp"
#include "octl/exit_code.hpp"
#include "octl/verbs/read_task.hpp"
#include "octl/verbs/signals.hpp"

namespace octo::octl {

namespace {

enum class Woken { by_time, by_signal };

Async<Woken> pause(Call& call, Span span) {
  Mailbox<Woken> woken(co_await asio::this_coro::executor);
  co_return co_await in_nursery([&](Nursery& nursery) -> Async<Woken> {
    nursery.spawn([](Clock& clock, Span how_long, Mailbox<Woken>& to) -> Async<void> {
      co_await clock.sleep(how_long);
      to.put(Woken::by_time);
    }(call.clock, span, woken));
    nursery.spawn([](Mailbox<Woken>& to) -> Async<void> {
      asio::signal_set signals(co_await asio::this_coro::executor);
      add_stop_signals(signals);
      co_await signals.async_wait(asio::use_awaitable);
      to.put(Woken::by_signal);
    }(woken));
    co_return *co_await woken.take();
  });
}

// Again and again, each round a task of its own, until somebody has seen enough.
Async<Result<int>> watch(Call& call, Following how, Span every, Start start) {
  while (true) {
    how.show.time = print_wall(call.clock.wall());
    if (call.output.for_people()) {
      call.output.write(paint("== " + how.show.time, Mood::quiet, call.output.look().out_colour) + "\n");
      call.output.flush();
    }
    auto round = co_await follow_once(call, how, start);
    if (round && (round->left || call.output.broken())) co_return round->code;
    // A Brain that is away for a while ends no watch; a request that is wrong stays wrong.
    if (!round && round.error().code() != ErrorCode::unavailable &&
        round.error().code() != ErrorCode::timed_out) {
      co_return fail(std::move(round).error());
    }
    if (!round) call.output.say(round.error().message());
    if (co_await pause(call, every) == Woken::by_signal) co_return kInterrupted;
  }
}

}  // namespace

Async<Result<int>> cmd_run(Call& call) {
  const AskedTask asked = OCTO_CO_TRY(read_task(call.line));
  if (!asked.how.show.folder.empty())
    OCTO_CO_TRY(files::make_folders(asked.how.show.folder, 0777).with("--outdir"));
  const Start start = [&](client::Brain& brain, const std::string& key) {
    return brain.start_task(asked.task, key);
  };
  if (asked.every) co_return co_await watch(call, asked.how, *asked.every, start);
  co_return co_await follow(call, asked.how, start);
}

}  // namespace octo::octl
