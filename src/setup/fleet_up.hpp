// SPDX-License-Identifier: MIT
// `octopoda init` and `octopoda up`.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "async/clock.hpp"
#include "setup/layout.hpp"

namespace octo::setup {

struct InitOrder {
  std::string folder;
  std::string node = "pi0";
  std::string ip = "127.0.0.1";
};
// conflict when the folder is set up already. `password` is asked for only if it is not. A node or an address
// that cannot be is refused before anything is made.
Result<void> init(const InitOrder& order, const std::function<Result<Secret>()>& password, WallTime now);

enum class Stay { foreground, detached };
struct UpOrder {
  std::string folder;
  std::vector<std::string> names;  // empty: the nodes there are, else pi0, pi1, …
  std::optional<int> nodes;
  Stay stay = Stay::foreground;
  std::function<void(const std::string& line)> say;
};
// In the foreground it returns when it was told to stop and the fleet has ended. A start that fails, or is
// interrupted, leaves no process behind.
Async<Result<void>> up(const UpOrder& order, Clock& clock);

}  // namespace octo::setup
