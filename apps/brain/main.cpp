// SPDX-License-Identifier: MIT
#include <cstdio>

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

Async<Result<void>> body(const daemon::Arguments& arguments, Executor executor, daemon::Stop& stop) {
  if (!arguments.rest.empty() && arguments.rest != std::vector<std::string>{"passwd"}) {
    co_return fail(ErrorCode::invalid_argument, "unknown word {}; see: brain --help",
                   quote(arguments.rest.front()));
  }
  const std::string file = OCTO_CO_TRY(settings::find_settings("brain", arguments.settings_file));
  const auto loaded = OCTO_CO_TRY(settings::load_brain(file));
  if (!arguments.rest.empty()) co_return change_password(loaded.settings);
  const settings::Logger& logger = loaded.settings.logger;
  OCTO_CO_TRY(log::open({.folder = logger.path,
                         .prefix = logger.name_prefix,
                         .keep_days = logger.roll_days,
                         .terminal = arguments.to_terminal,
                         .program = "brain"}));
  for (const std::string& warning : loaded.warnings) log::warning("{}", warning);
  auto ended = co_await run_brain(loaded.settings, executor, stop);
  if (!ended) log::error("{}", ended.error().message());
  co_return ended;
}

}  // namespace

int main(int count, char** words) {
  return octo::daemon::run({words, static_cast<std::size_t>(count)},
                           {.name = "brain", .usage_of_rest = "[passwd]", .body = body});
}
