// SPDX-License-Identifier: MIT
#include <cstdio>

#include "../private_files.hpp"
#include "io/log/log.hpp"
#include "io/settings/yaml.hpp"
#include "program.hpp"
#include "setup/passwd.hpp"

namespace {

using namespace octo;

Result<void> change_password(const settings::BrainSettings& settings) {
  const Secret password = OCTO_TRY(setup::ask_password("password of the root workgroup"));
  OCTO_TRY(setup::set_root_password(settings.data, password));
  std::puts("The root password is set. A Brain that runs takes it at its next start.");
  return {};
}

// `interrupted`: Ctrl-C where a password is asked for.
Async<Result<void>> body(const daemon::Arguments& arguments, Executor executor, daemon::Stop& stop,
                         bool& interrupted) {
  if (!arguments.rest.empty() && arguments.rest != std::vector<std::string>{"passwd"}) {
    co_return fail(ErrorCode::invalid_argument, "unknown word {}; see: brain --help",
                   quote(arguments.rest.front()));
  }
  const std::string file = OCTO_CO_TRY(settings::find_settings("brain", arguments.settings_file));
  const auto loaded = OCTO_CO_TRY(settings::load_brain(file));
  if (!arguments.rest.empty()) {
    const auto changed = change_password(loaded.settings);
    interrupted = !changed && changed.error().code() == ErrorCode::cancelled;
    co_return changed;
  }
  const settings::Logger& logger = loaded.settings.logger;
  OCTO_CO_TRY(log::open({.folder = logger.path,
                         .prefix = logger.name_prefix,
                         .keep_days = logger.roll_days,
                         .terminal = arguments.to_terminal,
                         .program = "brain"}));
  for (const std::string& warning : loaded.warnings) log::warning("{}", warning);
  warn_of_public_files({loaded.settings.ssl.key, setup::root_password_file(loaded.settings.data)});
  auto ended = co_await run_brain(loaded.settings, executor, stop);
  if (!ended) log::error("{}", ended.error().message());
  co_return ended;
}

}  // namespace

int main(int count, char** words) {
  constexpr int kInterrupted = 130;  // as the shell says it: 128 + SIGINT
  bool interrupted = false;
  const auto start = [&](const octo::daemon::Arguments& arguments, octo::Executor executor,
                         octo::daemon::Stop& stop) {
    return body(arguments, std::move(executor), stop, interrupted);
  };
  const int status = octo::daemon::run({words, static_cast<std::size_t>(count)},
                                       {.name = "brain", .usage_of_rest = "[passwd]", .body = start});
  return interrupted ? kInterrupted : status;
}
