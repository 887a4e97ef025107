// SPDX-License-Identifier: MIT
#include "tentacle/runs/journal.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include "base/text.hpp"
#include "io/files/files.hpp"
#include "runner/folder.hpp"
#include "tentacle/runs/leftovers.hpp"

namespace octo::tentacle {

namespace {

constexpr const char* kAckedFile = "acked";
constexpr std::string_view kDamaged = ".damaged";  // behind the name of a record that was set aside
constexpr std::size_t kRecordBytesMax = 64 * 1024;

// A descriptor that closes itself.
class File {
 public:
  File(const std::string& path, int flags)
      : path_(path), fd_(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  Failure failure(std::string_view step) const {
    const int error = errno;
    const bool full = error == ENOSPC || error == EDQUOT;
    const ErrorCode code = full              ? ErrorCode::storage_full
                           : error == EEXIST ? ErrorCode::conflict
                           : error == ENOENT ? ErrorCode::not_found
                                             : ErrorCode::internal;
    return fail(code, "{} {}: {}", step, path_, std::strerror(error));
  }
  Result<void> write(BytesView bytes) const {
    if (fd_ < 0) return failure("open");
    const ssize_t wrote = ::write(fd_, bytes.data(), bytes.size());
    if (wrote >= 0 && wrote < static_cast<ssize_t>(bytes.size())) errno = ENOSPC;
    if (wrote != static_cast<ssize_t>(bytes.size())) return failure("write");
    return {};
  }
  Result<void> sync() const {
    if (fd_ < 0) return failure("open");
    if (::fdatasync(fd_) != 0) return failure("sync");
    return {};
  }

 private:
  std::string path_;
  int fd_;
};

Result<void> sync_folder(const std::string& folder) {
  const File file(folder, O_RDONLY | O_DIRECTORY);
  if (!file.is_open()) return file.failure("open");
  if (::fsync(file.fd()) != 0) return file.failure("sync");
  return {};
}

std::string parent_of(const std::string& folder) { return folder.substr(0, folder.rfind('/')); }

// Made, and where it lies with it.
enum class Until : std::uint8_t { written, durable };

Result<void> write_new(const std::string& path, BytesView bytes, Until until) {
  const File file(path, O_WRONLY | O_CREAT | O_EXCL);
  OCTO_TRY(file.write(bytes));
  return until == Until::durable ? file.sync() : Result<void>{};
}

// Space for every record there will be: a full disk must not lose an end. Where the file system has no such
// thing it has to go without.
Result<void> reserve_record(const std::string& folder) {
  const File file(files::join(folder, runner::kRecordFile), O_WRONLY | O_CREAT);
  if (!file.is_open()) return file.failure("make");
  const int reserved = ::fallocate(file.fd(), FALLOC_FL_KEEP_SIZE, 0, runner::kRecordReserve);
  if (reserved != 0 && errno != EOPNOTSUPP && errno != ENOSYS) return file.failure("reserve");
  return {};
}

Result<void> fill(const std::string& folder, const char* name, BytesView bytes, Until until) {
  // Before the first sync, which then makes the space durable too: the ones behind it have little left to do.
  if (std::string_view(name) == runner::kIntentFile) OCTO_TRY(reserve_record(folder));
  OCTO_TRY(write_new(files::join(folder, name), bytes, until));
  if (until == Until::written) return {};
  OCTO_TRY(sync_folder(folder));
  return sync_folder(parent_of(folder));
}

Result<void> create(const std::string& folder, mode_t mode, const char* name, BytesView bytes, Until until) {
  if (::mkdir(folder.c_str(), mode) != 0) {
    if (errno == EEXIST) return fail(ErrorCode::conflict, "run folder {} is there already", folder);
    return fail(errno == ENOSPC || errno == EDQUOT ? ErrorCode::storage_full : ErrorCode::internal,
                "make run folder {}: {}", folder, std::strerror(errno));
  }
  auto filled = fill(folder, name, bytes, until);
  if (!filled) (void)files::remove_tree(folder);
  return filled;
}

Result<Bytes> load_record(const std::string& folder) {
  auto bytes = files::load(files::join(folder, runner::kRecordFile), kRecordBytesMax);
  if (!bytes && bytes.error().code() == ErrorCode::not_found) return Bytes();
  return bytes;
}

// Behind the last whole frame: a torn one was never durable and would hide what follows.
Result<void> append_end(const std::string& folder, const RunEnd& end) {
  const Bytes bytes = OCTO_TRY(load_record(folder));
  const runner::Record record = OCTO_TRY(runner::decode_record(bytes));
  const std::string path = files::join(folder, runner::kRecordFile);
  const File file(path, O_WRONLY | O_CREAT);
  if (!file.is_open()) return file.failure("open");
  if (::ftruncate(file.fd(), static_cast<off_t>(record.whole_bytes)) != 0) return file.failure("cut");
  if (::lseek(file.fd(), 0, SEEK_END) < 0) return file.failure("seek");
  return file.write(runner::encode(ended_of(end)));
}

// The end, and where it lies: a runner that could not claim has not made its folder durable either, and the
// Brain asks nobody again of whom it was told once.
Result<void> sync_end(const std::string& folder) {
  OCTO_TRY(sync_record(folder));
  OCTO_TRY(sync_folder(folder));
  return sync_folder(parent_of(folder));
}

enum class Claimed { never, by_runner, unreadable };

// Takes the claim, or tells whose it is. Only a claim that was never durable, or an agent's, proves that
// nothing was started. One that is cut is proof only if nobody is about to write it: see settle().
Result<Claimed> claim(const std::string& folder) {
  const std::string path = files::join(folder, runner::kClaimFile);
  const runner::Claim ours{
      .by = runner::Claim::By::agent, .pid = ::getpid(), .boot = runner::boot_id(), .at = runner::now()};
  auto written = write_new(path, runner::encode(ours), Until::durable);
  if (written) {
    OCTO_TRY(sync_folder(folder));
    return Claimed::never;
  }
  if (written.error().code() != ErrorCode::conflict) return fail(std::move(written).error());
  const Bytes bytes = OCTO_TRY(files::load(path, kRecordBytesMax));
  if (const auto theirs = runner::decode_claim(bytes)) {
    return theirs->by == runner::Claim::By::agent ? Claimed::never : Claimed::by_runner;
  }
  const bool cut = bytes.size() < runner::kFrameHeadBytes ||
                   bytes.size() - runner::kFrameHeadBytes < get_unsigned<std::uint32_t>(bytes) ||
                   BytesView(bytes).find_first_not_of('\0') == BytesView::npos;
  return cut ? Claimed::never : Claimed::unreadable;
}

}  // namespace

std::optional<RunId> parse_local_name(const NodeName& node, std::string_view name) {
  const std::vector<std::string> parts = split(name, '.');
  if (parts.size() != 3) return std::nullopt;
  const auto task = parse_task_id(parts[0]);
  const auto step = parse_number(parts[1]);
  const auto attempt = parse_number(parts[2]);
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (!task || !step || !attempt || *step < 0 || *attempt < 0 || *step > kMost || *attempt > kMost)
    return std::nullopt;
  RunId id{*task, static_cast<std::uint32_t>(*step), node, static_cast<std::uint32_t>(*attempt)};
  if (local_name(id) != name) return std::nullopt;
  return id;
}

StartMark start_of(const runner::Mark& mark) { return {mark.at, mark.bound, mark.late}; }

runner::Ended ended_of(const RunEnd& end) {
  runner::Ended ended{.state = std::string(name_of(end.state)),
                      .reason = end.reason.substr(0, 1024),
                      .bytes = {end.out_bytes, end.err_bytes, end.note_bytes},
                      .started = end.started,
                      .lasted = end.lasted,
                      .version = end.version};
  if (end.exit_code) ended.exit_code = *end.exit_code;
  if (end.signal) ended.signal = *end.signal;
  if (end.start) ended.mark = runner::Mark{end.start->at, end.start->bound, end.start->late};
  return ended;
}

Result<RunEnd> end_of(const runner::Ended& ended) {
  const auto state = find_run_state(ended.state);
  if (!state || !is_final(*state))
    return fail(ErrorCode::corrupt, "a run ended as {}, which is no end", quote(ended.state));
  RunEnd end{.state = *state,
             .reason = ended.reason,
             .out_bytes = ended.bytes[0],
             .err_bytes = ended.bytes[1],
             .note_bytes = ended.bytes[2],
             .started = ended.started,
             .lasted = ended.lasted,
             .version = ended.version};
  if (ended.exit_code) end.exit_code = static_cast<int>(*ended.exit_code);
  if (ended.signal) end.signal = static_cast<int>(*ended.signal);
  if (ended.mark) end.start = start_of(*ended.mark);
  return end;
}

Result<RunOnDisk> load_run(const std::string& folder) {
  const Bytes bytes = OCTO_TRY(load_record(folder));
  const runner::Record record = OCTO_TRY(runner::decode_record(bytes));
  RunOnDisk run{.started = record.started,
                .mark = record.mark,
                .acknowledged = files::exists(files::join(folder, kAckedFile))};
  if (record.ended) run.end = OCTO_TRY(end_of(*record.ended));
  return run;
}

std::optional<std::string> load_why_off(const std::string& folder) {
  auto why = files::load(files::join(folder, runner::kOffFile), kRecordBytesMax);
  return why ? std::optional<std::string>(std::move(*why)) : std::nullopt;
}

Result<runner::Intent> load_intent(const std::string& folder) {
  return runner::decode_intent(OCTO_TRY(files::load(files::join(folder, runner::kIntentFile),
                                                    runner::kFrameBytesMax + runner::kFrameHeadBytes)));
}

Result<void> create_run(const std::string& folder, const runner::Intent& intent) {
  // Another user passes through to the note and the script, which are its own; it can list nothing.
  if (intent.user) {
    const std::string runs = parent_of(folder);
    for (const std::string& passage : {runs, parent_of(runs)}) ::chmod(passage.c_str(), 0711);
  }
  // One that is to start at once is told of when it has, and its runner makes all of it durable before that.
  const bool waits = intent.hold_until != Instant{} || intent.not_before != Instant{};
  return create(folder, intent.user ? 0711 : 0700, runner::kIntentFile, runner::encode(intent),
                waits ? Until::durable : Until::written)
      .with("journal a run");
}

Result<void> create_deed(const std::string& folder, const RunEnd& end) {
  return create(folder, 0700, runner::kRecordFile, runner::encode(ended_of(end)), Until::durable)
      .with("journal an outcome");
}

Result<std::optional<pid_t>> lock_holder(const std::string& folder) {
  const std::string path = files::join(folder, runner::kRecordFile);
  const File file(path, O_RDONLY);
  if (!file.is_open() && errno == ENOENT) return std::nullopt;
  if (!file.is_open()) return file.failure("open");
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file.fd(), F_GETLK, &lock) != 0) return file.failure("look who locks");
  return lock.l_type == F_UNLCK ? std::nullopt : std::optional(lock.l_pid);
}

Result<RunEnd> settle(const std::string& folder, const RunEnd& never) {
  const auto check_dead = [&]() -> Result<void> {
    if (!OCTO_TRY(lock_holder(folder))) return {};
    return fail(ErrorCode::conflict, "the runner in {} lives", folder);
  };
  const auto its_end = [&](const RunEnd& end) -> Result<RunEnd> {
    OCTO_TRY(sync_end(folder));
    return end;
  };
  OCTO_TRY(check_dead());
  if (const auto run = load_run(folder); run && run->end) return its_end(*run->end);
  const Claimed claimed = OCTO_TRY(claim(folder));
  // A runner locks before it claims, so a claim that we lost to a living one shows by now, also one that it
  // has not written yet. When it is gone, all that it recorded is there.
  OCTO_TRY(check_dead());
  RunEnd end = never;
  std::string damage;
  std::optional<runner::Started> started;
  std::optional<runner::Mark> mark;
  if (auto run = load_run(folder); !run) {
    if (run.error().code() != ErrorCode::corrupt) return fail(std::move(run).error());
    // Kept for whoever wants to look, and out of the way of the end.
    const std::string record = files::join(folder, runner::kRecordFile);
    if (::rename(record.c_str(), (record + std::string(kDamaged)).c_str()) != 0)
      return File(record, O_RDONLY).failure("set aside");
    damage = fmt::format("; {} (kept as {}{})", run.error().message(), record, kDamaged);
  } else if (run->end) {
    return its_end(*run->end);
  } else {
    started = run->started;
    mark = run->mark;
  }
  if (claimed != Claimed::never || started) {
    const std::string left = kill_leftovers(folder, started);
    end = RunEnd{.state = RunState::interrupted};
    end.reason = claimed == Claimed::unreadable ? "its claim is damaged, so whether it started cannot be told"
                                                : "its supervisor died, so how it ended cannot be told";
    end.reason += left;
    if (started) end.started = started->wall;
    if (mark) end.start = start_of(*mark);
    const OutputMark kept = output_ends(folder);
    end.out_bytes = kept.out;
    end.err_bytes = kept.err;
    end.note_bytes = kept.note;
  }
  end.reason += damage;
  OCTO_TRY(append_end(folder, end));
  OCTO_TRY(sync_end(folder));
  return end;
}

Result<void> sync_record(const std::string& folder) {
  const File file(files::join(folder, runner::kRecordFile), O_RDONLY);
  return file.sync();
}

Result<void> make_tombstone(const std::string& folder) {
  // The intent becomes the mark, which spares a file to make and one to remove, and is emptied last: as long
  // as there is something in it, the next start finishes the rest. Not synced: the Brain only repeats itself.
  const std::string acked = files::join(folder, kAckedFile);
  (void)::rename(files::join(folder, runner::kIntentFile).c_str(), acked.c_str());
  const File mark(acked, O_WRONLY | O_CREAT);  // a deed has no intent
  if (!mark.is_open()) return mark.failure("make");
  // The claim stays: a runner that was taken for dead, and is only slow, must find it. So does a damaged
  // record, of which somebody may have been told.
  const std::string damaged = runner::kRecordFile + std::string(kDamaged);
  for (const std::string& name : OCTO_TRY(files::list(folder))) {
    if (name == kAckedFile || name == runner::kRecordFile || name == runner::kClaimFile || name == damaged)
      continue;
    OCTO_TRY(files::remove_tree(files::join(folder, name)));
  }
  if (::ftruncate(mark.fd(), 0) != 0) return mark.failure("empty");
  return {};
}

bool is_tombstone(const std::string& folder) {
  struct stat acked{};
  return ::stat(files::join(folder, kAckedFile).c_str(), &acked) == 0 && acked.st_size == 0 &&
         !files::exists(files::join(folder, runner::kIntentFile));
}

void drop_output(const std::string& folder) {
  for (const std::string& name : names_in(folder)) {
    if (runner::parse_segment_name(name)) ::unlink(files::join(folder, name).c_str());
  }
}

std::uint64_t output_bytes(const std::string& folder) {
  std::uint64_t bytes = 0;
  for (const std::string& name : names_in(folder)) {
    struct stat facts{};
    if (runner::parse_segment_name(name) && ::stat(files::join(folder, name).c_str(), &facts) == 0) {
      bytes += static_cast<std::uint64_t>(facts.st_size);
    }
  }
  return bytes;
}

}  // namespace octo::tentacle
