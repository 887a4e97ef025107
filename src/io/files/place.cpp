// SPDX-License-Identifier: MIT
// Stages a manifest's files, judges that they can be put in place, and writes the switch record.
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <ranges>

#include "io/crypto/crypto.hpp"
#include "io/files/beneath.hpp"
#include "io/files/files.hpp"
#include "io/files/switch.hpp"

namespace octo::files {

namespace {

using Kind = ManifestEntry::Kind;
constexpr std::size_t kManifestMax = 64 * 1024 * 1024;  // ours; far above what the limits allow

// What a version holds may be more, and lead elsewhere, than a bundle may; its paths may not.
Result<void> check_wanted(const Placement& placement) {
  if (placement.owned == nullptr) return check(*placement.manifest);
  for (const ManifestEntry& entry : placement.manifest->entries) OCTO_TRY(check_path(entry.path));
  return {};
}

class Placing {
 public:
  explicit Placing(const Placement& placement) : placement_(placement) {}

  Result<void> run() {
    const std::string& staging = placement_.staging;
    OCTO_TRY(check_wanted(placement_));
    OCTO_TRY(make_folders(placement_.root, 0755));
    OCTO_TRY(make_folders(staging));
    OCTO_TRY(finish_switch(placement_.root, staging));
    OCTO_TRY(make_folders(staged_folder(staging)));
    root_ = Descriptor(::open(placement_.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    staged_ = Descriptor(::open(staged_folder(staging).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root_.good() || !staged_.good()) return failed("open", placement_.root);
    if (placement_.replaces != nullptr) plan_removals(*placement_.replaces);
    else if (const auto before = OCTO_TRY(placed(staging))) plan_removals(*before);
    auto staged = stage_all();
    if (staged) staged = sync_staged();
    if (staged) staged = announce();
    if (!staged) {
      // Nothing moved yet, and what was staged only fills the disk. A record that was written, but maybe not
      // durably, is the next one's to finish.
      if (!unfinished(staging)) (void)finish_switch(placement_.root, staging);
      return staged;
    }
    return finish_switch(placement_.root, staging);
  }

 private:
  Result<void> announce() {
    const Bytes record = encode(steps_);
    if (record.size() > switch_record_max)
      return fail(ErrorCode::too_large, "more files to switch than the record of it may name");
    const Manifest& owned = placement_.owned != nullptr ? *placement_.owned : *placement_.manifest;
    OCTO_TRY(save(next_manifest(placement_.staging), encode(owned)));
    if (!placement_.note.empty()) OCTO_TRY(save(next_note(placement_.staging), placement_.note));
    return save(switch_record(placement_.staging), record);
  }

  // The folder was opened before the files were written, so that no error of theirs is missed (Linux 5.8).
  Result<void> sync_staged() {
    if (to_sync_.size() > synced_alone_max) return sync_file_system(staged_, placement_.staging);
    for (const std::string& name : to_sync_) {
      const Descriptor file(::openat(staged_.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
      if (!file.good() || ::fsync(file.get()) != 0) return failed("sync", "a staged file");
    }
    if (::fsync(staged_.get()) != 0) return failed("sync", "staged files");
    return {};
  }

  void plan_removals(const Manifest& before) {
    for (const ManifestEntry& entry : before.entries) owned_[entry.path] = entry.kind;
    std::map<std::string_view, Kind> wanted;
    for (const ManifestEntry& entry : placement_.manifest->entries) wanted[entry.path] = entry.kind;
    // Children before their folders; a folder that becomes a file has to go first.
    for (auto entry = owned_.rbegin(); entry != owned_.rend(); ++entry) {
      const auto kept = wanted.find(entry->first);
      const bool was_folder = entry->second == Kind::folder;
      if (kept != wanted.end() && was_folder == (kept->second == Kind::folder)) continue;
      if (kept != wanted.end() && !was_folder) continue;  // the step that makes the folder replaces the file
      struct stat facts{};
      const auto there = look(entry->first, facts);
      // A script put something of another kind there, or on the way there: that is not ours.
      if (!there || !*there || was_folder != S_ISDIR(facts.st_mode)) continue;
      steps_.push_back({SwitchStep::Kind::remove, entry->first, was_folder ? only_a_folder : 0, 0});
    }
  }

  Result<void> stage_all() {
    for (const ManifestEntry& entry : placement_.manifest->entries) {
      struct stat facts{};
      const bool there = OCTO_TRY(look(entry.path, facts));
      if (entry.kind == Kind::folder) {
        if (there && !S_ISDIR(facts.st_mode) && !owned_as_file(entry.path))
          return in_the_way(entry.path, "a file");
        if (!there || !S_ISDIR(facts.st_mode) || (facts.st_mode & 0777) != entry.mode) {
          steps_.push_back({SwitchStep::Kind::folder, entry.path, entry.mode, 0});
        }
        continue;
      }
      if (there && S_ISDIR(facts.st_mode)) {
        OCTO_TRY(replace_folder(entry.path));
      }
      if (there && OCTO_TRY(same(entry, facts))) continue;
      if (there && !S_ISDIR(facts.st_mode) && placement_.strangers == Strangers::refused &&
          !owned_as_file(entry.path)) {
        return in_the_way(entry.path, "a file");
      }
      const auto number = static_cast<std::uint32_t>(steps_.size());
      OCTO_TRY(entry.kind == Kind::file ? stage_file(entry, number) : stage_symlink(entry, number));
      steps_.push_back({SwitchStep::Kind::move, entry.path, 0, number});
    }
    return {};
  }

  Failure in_the_way(const std::string& path, std::string_view what) const {
    const bool any = placement_.strangers == Strangers::replaced;
    return fail(ErrorCode::conflict, "{} is in the way: {} that {}; move it away", quote(path), what,
                any ? "the scenario did not bring" : "no version holds");
  }

  // Whether there is something at `path` now. A symlink on the way, if it is not one of ours that goes, is
  // refused.
  Result<bool> look(const std::string& path, struct stat& facts) {
    auto parent = open_parent(root_.get(), path);
    if (!parent) {
      const bool replaced = parent.error().code() == ErrorCode::not_found || owner_on_the_way(path);
      return replaced ? Result<bool>(false)
                      : Result<bool>(Failure(parent.error().with("look beneath the nodeapp's folder")));
    }
    if (::fstatat(parent->first.get(), parent->second.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0) return true;
    return errno == ENOENT ? Result<bool>(false) : Result<bool>(failed("look at", path));
  }

  // A parent that we own as file or symlink becomes a folder in this very switch.
  bool owner_on_the_way(const std::string& path) const {
    for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      if (owned_as_file(path.substr(0, slash))) return true;
    }
    return false;
  }

  bool owned_as_file(const std::string& path) const {
    const auto owned = owned_.find(path);
    return owned != owned_.end() && owned->second != Kind::folder;
  }

  // A folder gives way to a file if every file in it is ours and goes.
  Result<void> replace_folder(const std::string& path) {
    const std::filesystem::path root(placement_.root);
    std::vector<std::string> folders = {path};
    std::error_code error;
    for (std::filesystem::recursive_directory_iterator entry(root / path, error), end; !error && entry != end;
         entry.increment(error)) {
      std::string inside = entry->path().lexically_relative(root).string();
      const bool is_folder = entry->symlink_status(error).type() == std::filesystem::file_type::directory;
      if (!is_folder && !owned_as_file(inside)) return in_the_way(inside, "a file");
      if (is_folder) folders.push_back(std::move(inside));
    }
    if (error) return fail(ErrorCode::unavailable, "look into {}: {}", quote(path), error.message());
    // Parents were found first.
    for (const std::string& folder : std::views::reverse(folders))
      steps_.push_back({SwitchStep::Kind::remove, folder, only_a_folder, 0});
    return {};
  }

  Result<bool> same(const ManifestEntry& entry, const struct stat& facts) {
    if (entry.kind == Kind::symlink) {
      if (!S_ISLNK(facts.st_mode)) return false;
      const auto parent = OCTO_TRY(open_parent(root_.get(), entry.path));
      std::string target(entry.link.size() + 1, '\0');
      const ssize_t size =
          ::readlinkat(parent.first.get(), parent.second.c_str(), target.data(), target.size());
      return size == static_cast<ssize_t>(entry.link.size()) && target.starts_with(entry.link);
    }
    if (!S_ISREG(facts.st_mode) || (facts.st_mode & 07777) != entry.mode) return false;
    const auto file = open_beneath(root_.get(), entry.path, O_RDONLY | O_NONBLOCK);
    return file ? placement_.contents->same(entry, *file) : false;
  }

  Result<void> stage_file(const ManifestEntry& entry, std::uint32_t number) {
    const std::string name = std::to_string(number);
    const Descriptor file(
        ::openat(staged_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.good()) return failed("stage", entry.path);
    OCTO_TRY(placement_.contents->write(entry, file));
    if (::fchmod(file.get(), entry.mode & 0777) != 0) return failed("set the mode of", entry.path);
    to_sync_.push_back(name);
    return {};
  }

  Result<void> stage_symlink(const ManifestEntry& entry, std::uint32_t number) {
    if (::symlinkat(entry.link.c_str(), staged_.get(), std::to_string(number).c_str()) != 0)
      return failed("stage", entry.path);
    return {};
  }

  const Placement& placement_;
  Descriptor root_, staged_;
  std::map<std::string, Kind> owned_;
  std::vector<SwitchStep> steps_;
  std::vector<std::string> to_sync_;  // in `staged_`
};

}  // namespace

Result<bool> ChunkContents::same(const ManifestEntry& entry, const Descriptor& file) {
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) return failed("look at", entry.path);
  // One that has a second name would change with it.
  if (facts.st_nlink != 1 || static_cast<std::uint64_t>(facts.st_size) != entry.bytes()) return false;
  for (const Chunk& chunk : entry.chunks) {
    Bytes bytes(chunk.bytes, '\0');
    if (::read(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) return false;
    if (crypto::sha256(bytes) != chunk.hash) return false;
  }
  return true;
}

Result<void> ChunkContents::write(const ManifestEntry& entry, const Descriptor& file) {
  for (const Chunk& chunk : entry.chunks) {
    const Bytes bytes = OCTO_TRY(chunk_(chunk));
    if (bytes.size() != chunk.bytes)
      return fail(ErrorCode::corrupt, "a chunk of {} has the wrong size", quote(entry.path));
    OCTO_TRY(write_all(file.get(), bytes, entry.path));
  }
  return {};
}

Result<void> place(const Placement& placement) { return Placing(placement).run(); }

Result<std::optional<Manifest>> placed(const std::string& staging) {
  const std::string path = owned_manifest(staging);
  if (!exists(path)) return std::nullopt;
  return OCTO_TRY(decode_manifest(OCTO_TRY(load(path, kManifestMax))).with(path));
}

}  // namespace octo::files
