// SPDX-License-Identifier: MIT
#include "io/files/switch.hpp"

#include <sys/stat.h>

#include <set>

#include "io/files/beneath.hpp"
#include "io/files/files.hpp"

namespace octo::files {

namespace {

constexpr std::string_view kMagic = "octsw1\n";

Result<std::vector<SwitchStep>> decode(BytesView bytes) {
  const auto broken = [] { return fail(ErrorCode::corrupt, "the record of a switch is damaged"); };
  if (bytes.size() < kMagic.size() + 4 || !bytes.starts_with(kMagic)) return broken();
  if (crc32c(bytes.substr(0, bytes.size() - 4)) !=
      get_unsigned<std::uint32_t>(bytes.substr(bytes.size() - 4)))
    return broken();
  bytes = bytes.substr(kMagic.size(), bytes.size() - kMagic.size() - 4);
  std::vector<SwitchStep> steps;
  constexpr std::size_t kHead = 1 + 4 + 4 + 2;
  while (!bytes.empty()) {
    if (bytes.size() < kHead) return broken();
    SwitchStep step;
    step.kind = static_cast<SwitchStep::Kind>(bytes[0]);
    step.mode = get_unsigned<std::uint32_t>(bytes.substr(1));
    step.staged = get_unsigned<std::uint32_t>(bytes.substr(5));
    const auto size = get_unsigned<std::uint16_t>(bytes.substr(9));
    if (bytes.size() < kHead + size) return broken();
    step.path = bytes.substr(kHead, size);
    bytes.remove_prefix(kHead + size);
    steps.push_back(std::move(step));
  }
  return steps;
}

class Switch {
 public:
  Switch(const std::string& root, const std::string& staging)
      : root_(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        staged_(::open(staged_folder(staging).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}

  Result<void> run(const std::vector<SwitchStep>& steps) {
    if (!root_.good()) return failed("open", "the root of a switch");
    for (const SwitchStep& step : steps) {
      switch (step.kind) {
        case SwitchStep::Kind::remove: OCTO_TRY(remove(step)); break;
        case SwitchStep::Kind::folder: OCTO_TRY(folder(step)); break;
        case SwitchStep::Kind::move: OCTO_TRY(move(step)); break;
      }
    }
    if (touched_.size() > synced_alone_max) return sync_file_system(root_, "the root of a switch");
    for (const std::string& path : touched_) {
      const auto open = open_beneath(root_.get(), path, O_RDONLY | O_DIRECTORY);
      if (open && ::fsync(open->get()) != 0) return failed("sync folder", path);
    }
    return {};
  }

 private:
  void touch(const std::string& path) {
    const auto slash = path.rfind('/');
    touched_.insert(slash == std::string::npos ? "" : path.substr(0, slash));
  }

  // Absent is done, and what lies behind a symlink or a file that a script put on the way is not ours; a
  // folder that still holds what is not ours stays.
  Result<void> remove(const SwitchStep& step) {
    const std::string& path = step.path;
    touch(path);
    auto parent = open_parent(root_.get(), path);
    if (!parent) {
      const ErrorCode code = parent.error().code();
      const bool ours = code != ErrorCode::not_found && code != ErrorCode::forbidden;
      return ours ? Result<void>(Failure(parent.error())) : Result<void>{};
    }
    const auto& [at, name] = *parent;
    bool is_folder = step.mode == only_a_folder;
    if (!is_folder && ::unlinkat(at.get(), name.c_str(), 0) != 0) {
      is_folder = errno == EISDIR;
      if (!is_folder && errno != ENOENT) return failed("remove", path);
    }
    if (is_folder && ::unlinkat(at.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOTEMPTY &&
        errno != EEXIST && errno != ENOENT && errno != ENOTDIR) {
      return failed("remove", path);
    }
    return {};
  }

  static bool exists_at(int folder, const std::string& name) {
    struct stat facts{};
    return ::fstatat(folder, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0;
  }

  Result<void> folder(const SwitchStep& step) {
    const auto [at, name] = OCTO_TRY(open_parent(root_.get(), step.path));
    struct stat facts{};
    if (::fstatat(at.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(facts.st_mode)) {
      if (::unlinkat(at.get(), name.c_str(), 0) != 0) return failed("replace", step.path);
    }
    if (::mkdirat(at.get(), name.c_str(), 0700) != 0 && errno != EEXIST)
      return failed("make folder", step.path);
    if (::fchmodat(at.get(), name.c_str(), step.mode, 0) != 0) return failed("set the mode of", step.path);
    touch(step.path);
    return {};
  }

  // What is staged no more was moved before a crash, maybe before its folder was synced.
  Result<void> move(const SwitchStep& step) {
    touch(step.path);
    const std::string staged = std::to_string(step.staged);
    if (!staged_.good() || !exists_at(staged_.get(), staged)) return {};
    const auto [at, name] = OCTO_TRY(open_parent(root_.get(), step.path));
    if (::renameat(staged_.get(), staged.c_str(), at.get(), name.c_str()) == 0) return {};
    if (errno == EISDIR || errno == ENOTEMPTY || errno == EEXIST) {
      return fail(ErrorCode::conflict, "{} is in the way: a folder that was filled meanwhile; move it away",
                  quote(step.path));
    }
    return failed("put in place", step.path);
  }

  Descriptor root_;
  Descriptor staged_;
  std::set<std::string> touched_;
};

}  // namespace

std::string switch_record(const std::string& staging) { return join(staging, "switch"); }
std::string staged_folder(const std::string& staging) { return join(staging, "new"); }
std::string next_manifest(const std::string& staging) { return join(staging, "next"); }
std::string next_note(const std::string& staging) { return join(staging, "next.note"); }
std::string owned_manifest(const std::string& staging) { return join(staging, "owned"); }
std::string switch_note(const std::string& staging) { return join(staging, "note"); }

Bytes encode(const std::vector<SwitchStep>& steps) {
  Bytes out(kMagic);
  for (const SwitchStep& step : steps) {
    put_u8(out, static_cast<std::uint8_t>(step.kind));
    put_u32(out, step.mode);
    put_u32(out, step.staged);
    put_u16(out, static_cast<std::uint16_t>(step.path.size()));
    out += step.path;
  }
  put_u32(out, crc32c(out));
  return out;
}

namespace {

// Absent: renamed already, before a crash; or there never was one.
Result<void> keep(const std::string& next, const std::string& name) {
  if (::rename(next.c_str(), name.c_str()) != 0 && errno != ENOENT) return failed("keep", next);
  return {};
}

// Of a placement that did not come to its record: nothing moved, so nothing of it counts.
Result<void> remove_leftovers(const std::string& staging) {
  OCTO_TRY(remove_tree(staged_folder(staging)));
  if (!exists(staging)) return {};
  for (const std::string& name : OCTO_TRY(list(staging))) {
    const std::string path = join(staging, name);
    if (path != next_manifest(staging) && path != next_note(staging) && !name.ends_with(".tmp")) continue;
    OCTO_TRY(remove_tree(path));
  }
  return {};
}

}  // namespace

bool unfinished(const std::string& staging) { return exists(switch_record(staging)); }

Result<void> finish_switch(const std::string& root, const std::string& staging) {
  const std::string record = switch_record(staging);
  if (unfinished(staging)) {
    const Bytes bytes = OCTO_TRY(load(record, switch_record_max));
    const auto steps = OCTO_TRY(decode(bytes).with(record));
    OCTO_TRY(Switch(root, staging).run(steps).with("switch to the new files"));
    OCTO_TRY(keep(next_manifest(staging), owned_manifest(staging)));
    OCTO_TRY(keep(next_note(staging), switch_note(staging)));
    if (::unlink(record.c_str()) != 0) return failed("remove", record);
    OCTO_TRY(sync_folder(staging));
  }
  return remove_leftovers(staging);
}

}  // namespace octo::files
