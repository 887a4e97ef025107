// SPDX-License-Identifier: MIT
#include "octl/octl.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <memory>

#include "io/crypto/crypto.hpp"
#include "io/process/process.hpp"
#include "octl/command_line.hpp"
#include "octl/exit_code.hpp"
#include "octl/help.hpp"
#include "octl/verbs/complete.hpp"
#include "octl/verbs/verbs.hpp"

namespace octo::octl {

namespace {

int complain(const Misuse& misuse, Output& output) {
  output.say(misuse.error.message());
  if (!misuse.hint.empty()) output.write_err(misuse.hint + "\n");
  return exit_code_of(misuse.error.code());
}

// Where one of the standard descriptors is closed, the next file or connection would be opened in its place
// and get what is meant for stdout. /dev/null the wrong way round fails as the closed one would.
void hold_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) < 0) (void)::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

// The last of it is written.
int finish(Output& output, int status) {
  output.progress("");
  output.flush();
  return output.broken() && status == kWell ? kOurError : status;
}

Async<int> run_verb(const CommandLine& line, Session::Setup setup, Output& output,
                    const std::function<void(int)>& leave, Executor executor) {
  SystemClock clock(executor);
  Session session(std::move(setup), output, clock, executor);
  Call call{.line = line, .output = output, .session = session, .clock = clock};
  const Result<int> code = co_await line.verb->run(call);
  if (!code) output.say(code.error().message());
  const int status = code ? *code : exit_code_of(code.error().code());
  session.close();
  if (leave) leave(finish(output, status));
  co_return status;
}

int run_to_end(asio::io_context& loop, Async<int> work) {
  int status = kOurError;
  asio::co_spawn(loop, std::move(work), [&](std::exception_ptr error, int code) {
    if (error) std::rethrow_exception(error);
    status = code;
  });
  loop.run();
  return status;
}

int run_line(const CommandLine& line, Session::Setup setup, Output& output,
             const std::function<void(int)>& leave) {
  // A diff is for people, wherever they read it.
  const auto format = !line.output && line.on("--diff") ? std::optional(Format::table) : line.output;
  output.set(format, line.on("--raw"));
  asio::io_context loop(1);
  return run_to_end(loop, run_verb(line, std::move(setup), output, leave, loop.get_executor()));
}

Session::Setup setup_of(const CommandLine& line, std::span<const std::string> words,
                        const Environment& environment) {
  return {.settings_file =
              line.settings_file.empty() ? environment("OCTL_CONFIG").value_or("") : line.settings_file,
          .home = environment("HOME").value_or(""),
          .command = crypto::sha256(join(words, std::string_view("\0", 1)))};
}

// A shell asks, not a person: what the session has to say goes nowhere, and nothing is asked back.
int run_completion(const CommandLine& line, const Environment& environment, Output& output) {
  Completion asked = complete(line.topic);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> nowhere(std::fopen("/dev/null", "w"), std::fclose);
  if (!nowhere) return kWell;
  Output quiet(Look{}, nowhere.get(), nowhere.get());
  CommandLine where;
  where.settings_file = asked.settings_file;
  asio::io_context loop(1);
  SystemClock clock(loop.get_executor());
  Session session(setup_of(where, {}, environment), quiet, clock, loop.get_executor());
  return run_to_end(loop, answer_completion(std::move(asked), session, clock, output));
}

}  // namespace

int run(std::span<const std::string> words, const Environment& environment, Output& output,
        const std::function<void(int)>& leave) {
  hold_standard_descriptors();
  process::ignore_sigpipe();
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
    case CommandLine::Kind::complete: status = run_completion(*line, environment, output); break;
    case CommandLine::Kind::verb:
      status = run_line(*line, setup_of(*line, words, environment), output, leave);
      break;
  }
  return finish(output, status);
}

}  // namespace octo::octl
