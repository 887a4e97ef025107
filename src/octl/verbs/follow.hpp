// SPDX-License-Identifier: MIT
// Starts a task and listens to it until it is done, whatever happens to the connection meanwhile.
//
// A POST without an answer is sent again with the same key; a broken stream is taken up again at the event
// after the last one seen; both give up after a minute of silence. Ctrl-C on a terminal asks: cancel, detach
// or go on; the second one leaves at once. Without a terminal, on SIGTERM and SIGHUP, and when the reader of
// stdout goes away, the task is cancelled.
#pragma once
#include <functional>

#include "octl/print/viewer.hpp"
#include "octl/verbs/verbs.hpp"

namespace octo::octl {

using Start =
    std::function<Async<Result<client::Brain::Started>>(client::Brain& brain, const std::string& key)>;

// The exit code: of one target its own, else by the states of the runs.
Async<Result<int>> follow(Call& call, Show show, Start start);
// A task that goes on or is over, from its first event.
Async<Result<int>> attach(Call& call, Show show, TaskId task);

}  // namespace octo::octl
