// SPDX-License-Identifier: MIT
#include "daemon/daemon.hpp"

#include <malloc.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>

#include "async/clock.hpp"
#include "async/nursery.hpp"
#include "base/text.hpp"
#include "io/process/process.hpp"

namespace octo::daemon {

namespace {

constexpr int kStartFailed = 1;
constexpr int kUsage = 2;

std::string usage(const Program& program) {
  return fmt::format(
      "usage: {} [-c FILE] [-p] [-version]{}{}\n  -c FILE   settings (else /etc/octopoda/{}/, then ./)\n"
      "  -p        log to the terminal as well\n  -version  print the version\n",
      program.name, program.usage_of_rest.empty() ? "" : " ", program.usage_of_rest, program.name);
}

struct Parsed {
  Arguments arguments;
  std::optional<int> exit;  // nothing more to do
};

Parsed parse(std::span<char*> words, const Program& program) {
  Parsed parsed;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string word = words[i];
    if (word == "-version" || word == "--version") {
      std::printf("%s %s\n", program.name.c_str(), OCTO_VERSION);
      parsed.exit = 0;
    } else if (word == "-h" || word == "-help" || word == "--help") {
      std::fputs(usage(program).c_str(), stdout);
      parsed.exit = 0;
    } else if (word == "-p") {
      parsed.arguments.to_terminal = true;
    } else if (word == "-c" && i + 1 < words.size()) {
      parsed.arguments.settings_file = words[++i];
    } else if (word.starts_with("-c=")) {
      parsed.arguments.settings_file = word.substr(3);
    } else if (!word.starts_with("-") && !program.usage_of_rest.empty()) {
      parsed.arguments.rest.push_back(word);
    } else {
      std::fprintf(stderr, "%s: unexpected %s\n%s", program.name.c_str(), quote(word).c_str(),
                   usage(program).c_str());
      parsed.exit = kUsage;
    }
    if (parsed.exit) break;
  }
  return parsed;
}

// Between what lives long lie the holes that a crowd's handshakes or a large answer leave, and the allocator
// gives back none but the last: of the Brain they are a sixth after a thousand nodes have joined.
Async<void> give_memory_back(Executor executor) {
  constexpr std::size_t kWorthIt = std::size_t{1} << 20U;
  SystemClock clock(std::move(executor));
  std::size_t known = 0;  // holes that are given back still count as free
  while (true) {
    co_await clock.sleep(10s);
    const std::size_t free = mallinfo2().fordblks;
    known = std::min(known, free);
    if (free < known + kWorthIt) continue;
    malloc_trim(0);
    known = mallinfo2().fordblks;
  }
}

Async<int> run_until_stopped(const Arguments& arguments, const Program& program) {
  const Executor executor = co_await asio::this_coro::executor;
  Stop stop(executor);
  const auto ended = co_await in_nursery([&](Nursery& nursery) -> Async<Result<void>> {
    nursery.spawn([](Stop& on_signal) -> Async<void> {
      (void)co_await process::stop_signal();
      on_signal.request();
    }(stop));
    nursery.spawn(give_memory_back(executor));
    co_return co_await program.body(arguments, executor, stop);
  });
  if (ended) co_return 0;
  std::fprintf(stderr, "%s: %s\n", program.name.c_str(), ended.error().message().c_str());
  co_return kStartFailed;
}

}  // namespace

int run(std::span<char*> arguments, const Program& program) {
  const Parsed parsed = parse(arguments, program);
  if (parsed.exit) return *parsed.exit;
  process::ignore_sigpipe();
  asio::io_context loop(1);
  int status = kStartFailed;
  asio::co_spawn(loop, run_until_stopped(parsed.arguments, program), [&](std::exception_ptr error, int code) {
    if (error) std::rethrow_exception(error);
    status = code;
  });
  loop.run();
  return status;
}

}  // namespace octo::daemon
