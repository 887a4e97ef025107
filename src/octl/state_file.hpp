// SPDX-License-Identifier: MIT
// Where the state file is.
#pragma once
#include <string>

#include "base/result.hpp"

namespace octo::octl {

struct StateFileAt {
  std::string asked;     // stateFile of the settings
  std::string settings;  // the settings' file
  std::string home;
};
// What was asked for; else `.octl.state` beside the settings where we may write; else in
// ~/.local/state/octopoda, by a name of the settings' file, because two networks may both call their Brain
// "brain".
Result<std::string> find_state_file(const StateFileAt& at);

}  // namespace octo::octl
