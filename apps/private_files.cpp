// SPDX-License-Identifier: MIT
#include "private_files.hpp"

#include <sys/stat.h>

#include "base/text.hpp"
#include "io/log/log.hpp"

namespace octo {

void warn_of_public_files(const std::vector<std::string>& secrets) {
  for (const std::string& file : secrets) {
    struct stat facts{};
    if (::stat(file.c_str(), &facts) != 0) continue;
    // A group may be meant to read a key; it is made on purpose. Everybody is not.
    if ((facts.st_mode & S_IRWXO) == 0) continue;
    log::warning(
        "{} is secret and everybody on this machine can read it (mode {:04o}); change that with: chmod 600 "
        "{}",
        quote(file), facts.st_mode & 07777U, file);
  }
}

}  // namespace octo
