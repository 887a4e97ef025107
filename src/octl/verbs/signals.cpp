// SPDX-License-Identifier: MIT
#include "octl/verbs/signals.hpp"

#include <csignal>

namespace octo::octl {

namespace {

bool is_ignored(int signal) {
  struct sigaction now{};
  return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

}  // namespace

void add_stop_signals(asio::signal_set& signals) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    if (!is_ignored(number)) signals.add(number);
  }
}

}  // namespace octo::octl
