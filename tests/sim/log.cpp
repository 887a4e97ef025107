// SPDX-License-Identifier: MIT
// What the product logs goes into the trace: faults make it complain, as they should. Takes the place of
// io/log's writer when the simulation is linked.
#include "io/log/log.hpp"

#include "world.hpp"

namespace octo::log {

void write(Level level, std::string_view line) {
  if (level < Level::warning || sim::Trace::newest() == nullptr) return;
  sim::Trace::newest()->add(fmt::format("LOG {}", line));
}

}  // namespace octo::log
