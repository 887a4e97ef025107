// SPDX-License-Identifier: MIT
#include "io/vcs/libgit.hpp"

#include <fcntl.h>
#include <git2.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace octo::vcs {

namespace {

constexpr std::size_t kSyncedAlone = 64;  // objects; each takes a wait for the disk

std::mutex& turns() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

void forget_errors() {
  git_error_clear();
  errno = 0;
}

Failure failed(std::string_view step, int code) {
  const int number = errno;
  const git_error* error = git_error_last();
  const bool told = error != nullptr && error->message != nullptr && error->klass != GIT_ERROR_NONE;
  std::string text = "libgit2 gives no reason";
  if (told) text = error->message;
  else if (number != 0) text = std::strerror(number);
  if (number == ENOSPC || number == EDQUOT || text.find("No space left") != std::string::npos)
    return fail(ErrorCode::storage_full, "{}: no space is left on the disk", step);
  if (code == GIT_ELOCKED) {
    return fail(
        ErrorCode::conflict,
        "{}: {}; another git may be at work in the folder: try again, and if none is, remove that file", step,
        text);
  }
  if (code == GIT_EMODIFIED) return fail(ErrorCode::conflict, "{}: {}; try again", step, text);
  ErrorCode kind = code == GIT_ENOTFOUND ? ErrorCode::not_found : ErrorCode::unavailable;
  if (told && (error->klass == GIT_ERROR_ODB || error->klass == GIT_ERROR_ZLIB) && code != GIT_ENOTFOUND)
    kind = ErrorCode::corrupt;
  return fail(kind, "{}: {}", step, text);
}

Batch::Batch(std::string folder, std::size_t objects) : turn_(turns()), folder_(std::move(folder)) {
  if (objects <= kSyncedAlone) return;
  open_ = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (open_ >= 0) git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 0);
}

Batch::~Batch() {
  git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
  if (open_ >= 0) ::close(open_);
}

Result<void> Batch::sync() {
  if (open_ < 0 || ::syncfs(open_) == 0) return {};
  const bool full = errno == ENOSPC || errno == EDQUOT;
  return fail(full ? ErrorCode::storage_full : ErrorCode::unavailable, "sync the objects of {}: {}", folder_,
              std::strerror(errno));
}

int with_synced_refs(const std::function<int()>& open) {
  const std::unique_lock turn(turns());
  return open();
}

}  // namespace octo::vcs
