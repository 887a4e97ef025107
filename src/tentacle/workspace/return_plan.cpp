// SPDX-License-Identifier: MIT
#include "tentacle/workspace/return_plan.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "domain/limits.hpp"
#include "io/crypto/crypto.hpp"

namespace octo::tentacle {

namespace {

using Kind = ManifestEntry::Kind;
using Entries = std::map<std::string, ManifestEntry>;

constexpr unsigned kFolderMode = 0755;  // of one that nobody knows

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

template <class Visit>
void for_each_parent(const std::string& path, Visit visit) {
  for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1))
    visit(path.substr(0, slash));
}

Manifest list(Entries entries) {
  Manifest manifest;
  for (auto& [path, entry] : entries) manifest.entries.push_back(std::move(entry));
  return manifest;
}

// `mode`, executable just if git says so: for those who may read it.
unsigned with_git(unsigned mode, vcs::VersionedFile::Kind kind) {
  const bool executable = (mode & 0100) != 0;
  if (kind == vcs::VersionedFile::Kind::executable) return executable ? mode : mode | ((mode & 0444) >> 2);
  return executable ? mode & ~0111U : mode;
}

}  // namespace

ReturnPlan::ReturnPlan(const vcs::Repository& repository, files::Descriptor root, Known known)
    : repository_(repository), root_(std::move(root)), known_(std::move(known)) {
  for (const ManifestEntry& entry : known_.owned_then.entries) then_.emplace(entry.path, entry);
}

Result<ReturnPlan> ReturnPlan::make(const vcs::Repository& repository, const std::string& folder,
                                    Known known) {
  files::Descriptor root(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.good()) return files::failed("open", folder);
  ReturnPlan plan(repository, std::move(root), std::move(known));
  OCTO_TRY(plan.want_files());
  OCTO_TRY(plan.want_folders());
  plan.list_replaced();
  plan.list_owned();
  plan.wanted = list(plan.tree_);
  return plan;
}

Result<void> ReturnPlan::want_files() {
  for (const vcs::VersionedFile& file : known_.target) {
    ManifestEntry entry{.path = file.path};
    if (file.kind == vcs::VersionedFile::Kind::symlink) {
      entry.kind = Kind::symlink;
      entry.mode = 0777;
      OCTO_TRY(repository_.read(file.blob, [&](BytesView part) -> Result<void> {
        entry.link += part;
        return {};
      }));
    } else {
      entry.mode = OCTO_TRY(mode_of(file));
    }
    blobs_.emplace(file.path, file.blob);
    tree_.emplace(file.path, std::move(entry));
  }
  return {};
}

// git knows whether a file is executable, and no more: 0600 must not come back as 0644. What a bundle brought
// gets the mode that the bundle said, if the version holds what it brought. Else a script wrote it, and may
// have meant the mode that it has now.
Result<unsigned> ReturnPlan::mode_of(const vcs::VersionedFile& file) const {
  const auto found = OCTO_TRY(files::look_beneath(root_.get(), file.path));
  const bool is_there = found && found->kind == files::Facts::Kind::file;
  const auto brought = then_.find(file.path);
  if (brought == then_.end() || brought->second.kind != Kind::file) {
    const unsigned known = file.kind == vcs::VersionedFile::Kind::executable ? 0755 : 0644;
    return is_there ? with_git(found->mode, file.kind) : known;
  }
  const unsigned said = with_git(brought->second.mode, file.kind);
  const bool narrower = is_there && (said & ~found->mode) != 0;
  if (!narrower || OCTO_TRY(holds(file, brought->second))) return said;
  return with_git(found->mode, file.kind);
}

Result<bool> ReturnPlan::holds(const vcs::VersionedFile& file, const ManifestEntry& entry) const {
  Bytes left;
  std::size_t at = 0;
  bool equal = true;
  OCTO_TRY(repository_.read(file.blob, [&](BytesView part) -> Result<void> {
    if (!equal) return {};
    left += part;
    std::size_t done = 0;
    for (; at < entry.chunks.size() && left.size() - done >= entry.chunks[at].bytes; ++at) {
      const auto bytes = BytesView(left).substr(done, entry.chunks[at].bytes);
      equal = equal && crypto::sha256(bytes) == entry.chunks[at].hash;
      done += bytes.size();
    }
    left.erase(0, done);
    return {};
  }));
  return equal && left.empty() && at == entry.chunks.size();
}

Result<void> ReturnPlan::want_folders() {
  std::set<std::string> folders;
  for (const auto& [path, entry] : tree_)
    for_each_parent(path, [&](const std::string& parent) { folders.insert(parent); });
  // Empty ones, too; unless a script had put something else in their place.
  for (const auto& [path, entry] : then_) {
    bool fits = entry.kind == Kind::folder && !tree_.contains(path);
    for_each_parent(path, [&](const std::string& parent) { fits = fits && !tree_.contains(parent); });
    if (fits) folders.insert(path);
  }
  for (const std::string& path : folders) {
    ManifestEntry entry{.path = path, .kind = Kind::folder, .mode = kFolderMode};
    const auto brought = then_.find(path);
    const auto found = OCTO_TRY(files::look_beneath(root_.get(), path));
    if (brought != then_.end() && brought->second.kind == Kind::folder) entry.mode = brought->second.mode;
    else if (found && found->kind == files::Facts::Kind::folder) entry.mode = found->mode & 0777;
    tree_.emplace(path, std::move(entry));
  }
  return {};
}

// Tracked files, their folders, and those that bundles brought; a folder goes if it is empty then.
void ReturnPlan::list_replaced() {
  Entries entries;
  for (const vcs::VersionedFile& file : known_.present) {
    const bool symlink = file.kind == vcs::VersionedFile::Kind::symlink;
    entries[file.path] = {.path = file.path, .kind = symlink ? Kind::symlink : Kind::file};
    for_each_parent(file.path, [&](const std::string& parent) {
      entries[parent] = {.path = parent, .kind = Kind::folder};
    });
  }
  for (const ManifestEntry& entry : known_.owned_now.entries)
    if (entry.kind == Kind::folder) entries.emplace(entry.path, entry);
  replaces = list(std::move(entries));
}

// The next sync may remove what a bundle brought: of the bundles before the target, what comes back now; of
// later ones what stays, because .gitignore kept it out of the versions.
void ReturnPlan::list_owned() {
  std::set<std::string> tracked, stays;
  for (const vcs::VersionedFile& file : known_.present) tracked.insert(file.path);
  Entries entries;
  for (const ManifestEntry& entry : known_.owned_now.entries)
    if (entry.kind != Kind::folder && !tracked.contains(entry.path) && !tree_.contains(entry.path))
      stays.insert(entry.path);
  for (const auto& [path, entry] : then_) {
    const auto wanted_there = tree_.find(path);
    const bool comes = wanted_there != tree_.end() &&
                       (wanted_there->second.kind == Kind::folder) == (entry.kind == Kind::folder);
    if (comes) entries.emplace(path, entry);
  }
  std::set<std::string> folders;
  for (const std::string& path : stays)
    for_each_parent(path, [&](const std::string& parent) { folders.insert(parent); });
  for (const ManifestEntry& entry : known_.owned_now.entries) {
    const bool kept = entry.kind == Kind::folder ? folders.contains(entry.path) : stays.contains(entry.path);
    const std::string parent = parent_of(entry.path);
    const auto above = entries.find(parent);
    const bool fits = parent.empty() || (above != entries.end() && above->second.kind == Kind::folder);
    if (kept && fits) entries.emplace(entry.path, entry);
  }
  owned = list(std::move(entries));
  // Over what a manifest may hold: rather forget the later ones, whose files then stay.
  if (!check(owned) || encode(owned).size() > limits::manifest_bytes_max) owned = known_.owned_then;
}

Result<bool> ReturnPlan::same(const ManifestEntry& entry, const files::Descriptor& file) {
  return repository_.holds(file.get(), blobs_.at(entry.path));
}

// As if it had been written in place: by whoever owns it now.
Result<void> ReturnPlan::write(const ManifestEntry& entry, const files::Descriptor& file) {
  const std::string& blob = blobs_.at(entry.path);
  OCTO_TRY(
      repository_.read(blob, [&](BytesView part) { return files::write_all(file.get(), part, entry.path); }));
  if (!OCTO_TRY(repository_.holds(file.get(), blob))) {
    return fail(ErrorCode::corrupt, "{}: its bytes in the version are damaged; see: git fsck",
                quote(entry.path));
  }
  const auto found = OCTO_TRY(files::look_beneath(root_.get(), entry.path));
  const bool is_there = found && found->kind == files::Facts::Kind::file;
  if (is_there && (found->user != ::geteuid() || found->group != ::getegid()) &&
      ::fchown(file.get(), found->user, found->group) != 0 && errno != EPERM) {
    return files::failed("set the owner of", entry.path);
  }
  return {};
}

}  // namespace octo::tentacle
