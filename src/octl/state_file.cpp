// SPDX-License-Identifier: MIT
#include "octl/state_file.hpp"

#include <unistd.h>

#include "io/crypto/crypto.hpp"
#include "io/files/files.hpp"

namespace octo::octl {

Result<std::string> find_state_file(const StateFileAt& at) {
  const std::string settings = files::absolute(at.settings);
  if (!at.asked.empty()) return at.asked;
  const std::string folder = settings.substr(0, std::max<std::size_t>(settings.rfind('/'), 1));
  if (::access(folder.c_str(), W_OK) == 0) return files::join(folder, ".octl.state");
  if (at.home.empty()) {
    return fail(ErrorCode::invalid_argument,
                "{} cannot be written to and HOME is not set: set stateFile in {} to a file of yours",
                quote(folder), settings);
  }
  const std::string name = print_hex(crypto::sha256(settings)).substr(0, 16);
  return files::join(at.home, ".local/state/octopoda/octl-" + name);
}

}  // namespace octo::octl
