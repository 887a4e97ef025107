// SPDX-License-Identifier: MIT
#include "octl/print/out_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/files/files.hpp"

namespace octo::octl {

namespace {

enum class Open { anew, again };

// Never through a symlink, and only into a regular file: the folder may be one that others write to.
Result<void> append(const std::string& path, Open how, BytesView bytes) {
  const int mode = how == Open::anew ? O_CREAT | O_TRUNC : O_APPEND;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | mode, 0666);
  if (fd < 0) return fail(ErrorCode::unavailable, "write {}: {}", path, std::strerror(errno));
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int why = errno;
      ::close(fd);
      return fail(why == ENOSPC ? ErrorCode::storage_full : ErrorCode::unavailable, "write {}: {}", path,
                  std::strerror(why));
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::close(fd) != 0) return fail(ErrorCode::unavailable, "write {}: {}", path, std::strerror(errno));
  return {};
}

}  // namespace

Result<void> OutFiles::write(const RunRow& run, OutputStream stream, BytesView bytes) {
  // A name becomes part of a path: checked here too, whoever made it.
  OCTO_TRY(parse_node_name(run.id.node.str()));
  std::uint32_t& attempt = attempts_[{run.id.step, run.id.node, stream}];
  if (run.id.attempt < attempt) return {};
  const Open how = run.id.attempt > attempt ? Open::anew : Open::again;
  if (how == Open::again && bytes.empty()) return {};
  attempt = run.id.attempt;
  const bool steps = titles_.contains({run.id.step, run.id.node});
  const std::string name = steps ? fmt::format("{}.{}.{}", run.id.node, run.id.step, name_of(stream))
                                 : fmt::format("{}.{}", run.id.node, name_of(stream));
  return append(files::join(folder_, name), how, bytes);
}

Result<void> OutFiles::take_once(const TaskEvent& event) {
  if (event.kind == TaskEvent::Kind::output) return write(event.run, event.output.stream, event.output.bytes);
  if (event.kind != TaskEvent::Kind::state) return {};
  if (!event.run.title.empty()) titles_.try_emplace({event.run.id.step, event.run.id.node}, event.run.title);
  if (!event.run.end.started && !is_final(event.run.state)) return {};
  // Also what wrote nothing has its files, and a second attempt has none of the first one's.
  for (const OutputStream stream : {OutputStream::out, OutputStream::err})
    OCTO_TRY(write(event.run, stream, ""));
  if (attempts_.contains({event.run.id.step, event.run.id.node, OutputStream::note}))
    OCTO_TRY(write(event.run, OutputStream::note, ""));
  return {};
}

Result<void> OutFiles::take(const TaskEvent& event) {
  if (failed_) return fail(*failed_);
  auto taken = take_once(event);
  if (!taken) failed_ = taken.error();
  return taken;
}

}  // namespace octo::octl
