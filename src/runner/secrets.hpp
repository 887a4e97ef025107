// SPDX-License-Identifier: MIT
// Secrets on their way from the agent to a command, in memory only: the agent hands its runner one file
// without a name, the runner hands the command one for each, sealed, so that it can be read again and again
// and changed by nobody.
#pragma once
#include <expected>
#include <string>
#include <vector>

#include "runner/format.hpp"

namespace octo::runner {

// A file without a name that closes itself. Its pages go when nobody has it open any more.
class MemoryFile {
 public:
  // Sealed; exhausted without memory or descriptors.
  static Result<MemoryFile> make(const char* label, BytesView bytes);
  explicit MemoryFile(int fd) : fd_(fd) {}
  MemoryFile(MemoryFile&& other) noexcept;
  MemoryFile& operator=(MemoryFile&&) = delete;
  ~MemoryFile();
  int fd() const { return fd_; }

 private:
  int fd_;
};

// The descriptor by which a runner gets them: u32 length and bytes of each, in the order of Intent::secrets.
inline constexpr int kSecretsFd = 3;
void put_secret(Bytes& out, BytesView value);

// Where the command finds the secret of that index. Far from the descriptors that shells and scripts use.
inline constexpr int kSecretFdFirst = 100;
std::string secret_path(std::size_t index);

// Those of the intent, taken from kSecretsFd, which is closed: for nobody but the command's user to read, and
// kept out of the swap space where the host allows that.
std::expected<std::vector<MemoryFile>, Exit> take_secrets(const Intent& intent);

}  // namespace octo::runner
