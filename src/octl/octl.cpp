// SPDX-License-Identifier: MIT
#include "octl/octl.hpp"

#include <boost/asio/co_spawn.hpp>

#include "io/crypto/crypto.hpp"
#include "io/process/process.hpp"
#include "octl/command_line.hpp"
#include "octl/exit_code.hpp"
#include "octl/help.hpp"
#include "octl/verbs/verbs.hpp"

namespace octo::octl {

namespace {

int complain(const Misuse& misuse, Output& output) {
  output.say(misuse.error.message());
  if (!misuse.hint.empty()) output.write_err(misuse.hint + "\n");
  return exit_code_of(misuse.error.code());
}

Async<int> run_verb(const CommandLine& line, Session::Setup setup, Output& output, Executor executor) {
  SystemClock clock(executor);
  Session session(std::move(setup), output, clock, executor);
  Call call{.line = line, .output = output, .session = session, .clock = clock};
  const Result<int> code = co_await line.verb->run(call);
  if (code) co_return output.broken() && *code == kWell ? kOurError : *code;
  output.say(code.error().message());
  co_return exit_code_of(code.error().code());
}

int run_line(const CommandLine& line, Session::Setup setup, Output& output) {
  process::ignore_sigpipe();
  output.set(line.output, line.on("--raw"));
  asio::io_context loop(1);
  int status = kOurError;
  asio::co_spawn(loop, run_verb(line, std::move(setup), output, loop.get_executor()),
                 [&](std::exception_ptr error, int code) {
                   if (error) std::rethrow_exception(error);
                   status = code;
                 });
  loop.run();
  return status;
}

Session::Setup setup_of(const CommandLine& line, std::span<const std::string> words,
                        const Environment& environment) {
  return {.settings_file =
              line.settings_file.empty() ? environment("OCTL_CONFIG").value_or("") : line.settings_file,
          .home = environment("HOME").value_or(""),
          .command = crypto::sha256(join(words, std::string_view("\0", 1)))};
}

}  // namespace

int run(std::span<const std::string> words, const Environment& environment, Output& output) {
  const auto line = parse(words);
  if (!line) return complain(line.error(), output);
  int status = kWell;
  switch (line->kind) {
    case CommandLine::Kind::version: output.write(fmt::format("octl {}\n", OCTO_VERSION)); break;
    case CommandLine::Kind::usage: output.write(print_usage()); break;
    case CommandLine::Kind::help: {
      const auto text = print_help(line->topic);
      if (!text) return complain(text.error(), output);
      output.write(*text);
      break;
    }
    case CommandLine::Kind::verb:
      status = run_line(*line, setup_of(*line, words, environment), output);
      break;
  }
  output.flush();
  return status;
}

}  // namespace octo::octl
