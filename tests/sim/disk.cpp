// SPDX-License-Identifier: MIT
#include "disk.hpp"

#include <algorithm>

#include "handles.hpp"

namespace octo::sim {

namespace {

constexpr std::size_t kBlockBytes = 4096;

std::map<std::string, Disk*, std::less<>>& disks() {
  static std::map<std::string, Disk*, std::less<>> all;
  return all;
}

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// Names of paths move with the disk.
std::string moved(const std::string& path, const std::string& from, const std::string& to) {
  return to + path.substr(from.size());
}

}  // namespace

// What failed syncs have lost of the blocks in which these bytes lie goes to the disk with the next sync
// after all: the block is written as a whole, as it is in memory.
void File::touch(std::size_t offset, std::size_t count) {
  const std::size_t first = offset / kBlockBytes;
  const std::size_t last = (offset + std::max<std::size_t>(count, 1) - 1) / kBlockBytes;
  std::erase_if(lost_, [&](const Change& lost) {
    const std::size_t end = std::min(lost.offset + lost.after.size(), bytes_.size());
    if (lost.offset >= end) return true;  // cut off since
    if ((end - 1) / kBlockBytes < first || lost.offset / kBlockBytes > last) return false;
    Bytes hole = lost.before;
    hole.resize(end - lost.offset, '\0');
    unsynced_.push_back({lost.offset, std::move(hole), bytes_.substr(lost.offset, end - lost.offset),
                         bytes_.size(), bytes_.size()});
    return true;
  });
}

void File::write(std::size_t offset, BytesView bytes) {
  touch(offset, bytes.size());
  Change change{offset, {}, Bytes(bytes), bytes_.size(), std::max(bytes_.size(), offset + bytes.size())};
  if (offset < bytes_.size()) change.before = bytes_.substr(offset, bytes.size());
  redo(change, bytes.size());
  unsynced_.push_back(std::move(change));
}

void File::truncate(std::size_t size) {
  touch(size, 1);
  Change change{size, {}, {}, bytes_.size(), size};
  if (size < bytes_.size()) change.before = bytes_.substr(size);
  bytes_.resize(size);
  // As ext4 does: what was set aside behind the new end goes with the rest, but for the block it ends in.
  reserved_ = std::min(reserved_, (size + kBlockBytes - 1) / kBlockBytes * kBlockBytes);
  unsynced_.push_back(std::move(change));
}

std::shared_ptr<File> File::after_kill() const {
  auto left = std::make_shared<File>(*this);
  left->locker_ = nullptr;
  left->holder_ = nullptr;
  return left;
}

void File::synced() {
  unsynced_.clear();
  durable_size_ = bytes_.size();
}

void File::sync_failed() {
  lost_.insert(lost_.end(), unsynced_.begin(), unsynced_.end());
  unsynced_.clear();
}

void File::undo(const Change& change) {
  bytes_.resize(std::max(change.size_before, change.offset + change.before.size()));
  std::copy(change.before.begin(), change.before.end(),
            bytes_.begin() + static_cast<std::ptrdiff_t>(change.offset));
  bytes_.resize(change.size_before);
}

void File::redo(const Change& change, std::size_t bytes) {
  const bool whole = bytes == change.after.size();
  const std::size_t size = whole ? change.size_after : std::max(bytes_.size(), change.offset + bytes);
  bytes_.resize(std::max(bytes_.size(), size));
  std::copy_n(change.after.begin(), bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(change.offset));
  bytes_.resize(size);
}

std::shared_ptr<File> File::after_power_cut(SeededRandom& random) const {
  auto left = std::make_shared<File>(kind_);
  if (kind_ == Kind::fifo) left->pipe = std::make_shared<Pipe>();
  left->reserved_ = reserved_;
  left->bytes_ = bytes_;
  for (auto change = unsynced_.rbegin(); change != unsynced_.rend(); ++change) left->undo(*change);
  for (auto change = lost_.rbegin(); change != lost_.rend(); ++change) {
    Bytes hole = change->before;
    hole.resize(change->after.size(), '\0');
    if (left->bytes_.size() < change->offset + hole.size()) left->bytes_.resize(change->offset + hole.size());
    std::copy(hole.begin(), hole.end(), left->bytes_.begin() + static_cast<std::ptrdiff_t>(change->offset));
  }
  left->bytes_.resize(durable_size_);
  // Of what was not synced the disk has done a part, in order, the last of it perhaps torn.
  if (!unsynced_.empty()) {
    const std::size_t done = random.below(unsynced_.size() + 1);
    for (std::size_t i = 0; i < done; ++i) left->redo(unsynced_[i], unsynced_[i].after.size());
    if (done < unsynced_.size() && !unsynced_[done].after.empty() && random.chance(0.5)) {
      left->redo(unsynced_[done], random.below(unsynced_[done].after.size()));
      // Some file systems note the length before they write the bytes.
      if (random.chance(0.3)) left->bytes_.resize(std::max(left->bytes_.size(), unsynced_[done].size_after));
    }
  }
  left->durable_size_ = left->bytes_.size();
  return left;
}

Disk::Disk(std::string path, SeededRandom random) : path_(std::move(path)), random_(random) {
  disks()[path_] = this;
}

Disk::~Disk() { disks().erase(path_); }

Disk* Disk::of(std::string_view path) {
  if (!path.starts_with("/sim/")) return nullptr;
  const auto found = disks().find(path.substr(0, path.find('/', 5)));
  return found == disks().end() ? nullptr : found->second;
}

std::unique_ptr<Disk> Disk::power_cut(std::string path) {
  auto left = std::make_unique<Disk>(std::move(path), random_.fork());
  auto names = durable_;
  const std::size_t done = unsynced_.empty() ? 0 : random_.below(unsynced_.size() + 1);
  for (std::size_t i = 0; i < done; ++i) {
    for (const auto& [name, file] : unsynced_[i].names) {
      if (file) names[name] = file;
      else names.erase(name);
    }
  }
  // What lies in a folder goes with the folder's name, which comes before it here.
  for (const auto& [name, file] : names) {
    const std::string now = moved(name, path_, left->path_);
    if (left->is_folder(folder_of(now))) left->files_[now] = file->after_power_cut(random_);
  }
  left->durable_ = left->files_;
  return left;
}

std::unique_ptr<Disk> Disk::kill(std::string path) const {
  SeededRandom random = random_;
  auto left = std::make_unique<Disk>(std::move(path), random.fork());
  // Copies, because the dying process may still write to its own.
  std::map<const File*, std::shared_ptr<File>> copies;
  const auto copy = [&](const std::shared_ptr<File>& file) {
    auto& made = copies[file.get()];
    if (file && !made) made = file->after_kill();
    return made;
  };
  for (const auto& [name, file] : files_) left->files_[moved(name, path_, left->path_)] = copy(file);
  for (const auto& [name, file] : durable_) left->durable_[moved(name, path_, left->path_)] = copy(file);
  for (const NameChange& change : unsynced_) {
    NameChange& made = left->unsynced_.emplace_back();
    for (const auto& [name, file] : change.names)
      made.names.emplace_back(moved(name, path_, left->path_), copy(file));
  }
  return left;
}

bool Disk::is_folder(const std::string& path) const {
  if (path == path_) return true;
  const auto file = find(path);
  return file && file->kind() == File::Kind::folder;
}

bool Disk::is_durable(const std::string& path) const {
  const auto found = durable_.find(path);
  return found != durable_.end() && found->second == find(path) && found->second->is_synced();
}

std::vector<std::string> Disk::list(const std::string& folder) const {
  std::vector<std::string> names;
  const std::string inside = folder + "/";
  for (auto entry = files_.lower_bound(inside); entry != files_.end() && entry->first.starts_with(inside);
       ++entry) {
    std::string name = entry->first.substr(inside.size());
    if (name.find('/') == std::string::npos) names.push_back(std::move(name));
  }
  return names;
}

std::shared_ptr<File> Disk::find(const std::string& path) const {
  const auto found = files_.find(path);
  return found == files_.end() ? nullptr : found->second;
}

void Disk::change_names(NameChange change) {
  for (const auto& [name, file] : change.names) {
    if (file) files_[name] = file;
    else files_.erase(name);
  }
  unsynced_.push_back(std::move(change));
}

std::shared_ptr<File> Disk::make(const std::string& path, File::Kind kind) {
  auto file = std::make_shared<File>(kind);
  if (kind == File::Kind::fifo) file->pipe = std::make_shared<Pipe>();
  change_names({{{path, file}}});
  return file;
}

bool Disk::rename(const std::string& from, const std::string& to) {
  const auto file = find(from);
  if (file) change_names({{{from, nullptr}, {to, file}}});
  return file != nullptr;
}

bool Disk::remove(const std::string& path) {
  if (!find(path)) return false;
  change_names({{{path, nullptr}}});
  return true;
}

void Disk::sync_folder(const std::string& folder) {
  std::erase_if(unsynced_, [&](const NameChange& change) {
    if (folder_of(change.names.front().first) != folder) return false;
    for (const auto& [name, file] : change.names) {
      if (file) durable_[name] = file;
      else durable_.erase(name);
    }
    return true;
  });
}

}  // namespace octo::sim
