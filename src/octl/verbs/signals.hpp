// SPDX-License-Identifier: MIT
#pragma once
#include <boost/asio/signal_set.hpp>

#include "async/async.hpp"

namespace octo::octl {

// SIGINT, SIGTERM and SIGHUP, but for those that were ignored when octl began: nohup and shells mean it.
void add_stop_signals(asio::signal_set& signals);

}  // namespace octo::octl
