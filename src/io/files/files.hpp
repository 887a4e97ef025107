// SPDX-License-Identifier: MIT
// Files that are old or new, never half; trees scanned, staged and switched. Blocking: call from Workers.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/text.hpp"
#include "domain/manifest.hpp"

namespace octo::files {

class Descriptor;  // io/files/beneath.hpp

Result<Bytes> load(const std::string& path, std::size_t bytes_max);
// Temp file in the same folder, sync, rename, folder sync. Mode 0600 unless said.
Result<void> save(const std::string& path, BytesView bytes, unsigned mode = 0600);
// As save(), but conflict when the file is there already.
Result<void> save_new(const std::string& path, BytesView bytes, unsigned mode = 0600);
// Removes what save() of a process that was killed has left in `folder`. Where others may be saving, that of
// a living process stays; whoever holds the folder's lock is sure that nobody is.
enum class Others : std::uint8_t { may_save, never };
Result<void> remove_temps(const std::string& folder, Others others);
// mkdir -p, each new folder synced into its parent.
Result<void> make_folders(const std::string& path, unsigned mode = 0700);
Result<void> sync_folder(const std::string& path);
Result<void> remove_tree(const std::string& path);                 // absent is fine; never follows symlinks
Result<std::vector<std::string>> list(const std::string& folder);  // names, sorted; without . and ..
bool exists(const std::string& path);
Result<std::uint64_t> size(const std::string& path);  // of a file, in bytes
std::string join(std::string_view folder, std::string_view name);
std::string absolute(std::string_view path);

// flock for life on a file in a data folder; conflict, naming the folder, when another process has it.
class FolderLock {
 public:
  static Result<FolderLock> take(const std::string& folder);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&& other) noexcept;
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

// Chunks by hash, on disk: <folder>/<2 hex>/<62 hex>. Verified when put and when got.
class ChunkStore {
 public:
  static Result<ChunkStore> open(std::string folder);
  bool has(const Sha256& hash) const;
  Result<void> put(const Sha256& hash,
                   BytesView bytes);            // invalid_argument when they do not belong together; no sync
  Result<Bytes> get(const Sha256& hash) const;  // not_found, corrupt
  // Makes all that was put since the last sync durable.
  Result<void> sync();
  const std::string& folder() const { return folder_; }

 private:
  ChunkStore(std::string folder, std::shared_ptr<const Descriptor> open)
      : folder_(std::move(folder)), open_(std::move(open)) {}
  std::string folder_;
  std::shared_ptr<const Descriptor> open_;  // of before any put, so that sync() misses no error
};

// The tree below `root` as a manifest; each chunk goes to `sink` as it is read (nullable). `wanted` picks
// what counts, by relative path (nullable). Device nodes, sockets, FIFOs and setuid bits are refused by path;
// .git is refused.
struct Scan {
  std::string root;
  std::function<bool(const std::string& path)> wanted;
  std::function<Result<void>(const Chunk& chunk, BytesView bytes)> sink;
};
Result<Manifest> scan(const Scan& scan);

// What the files of a manifest hold, wherever that lies.
class Contents {
 public:
  virtual ~Contents() = default;
  // Whether the open file may stay as it is; its mode was judged.
  virtual Result<bool> same(const ManifestEntry& entry, const Descriptor& file) = 0;
  virtual Result<void> write(const ManifestEntry& entry, const Descriptor& file) = 0;
};
class ChunkContents final : public Contents {
 public:
  explicit ChunkContents(std::function<Result<Bytes>(const Chunk&)> chunk) : chunk_(std::move(chunk)) {}
  Result<bool> same(const ManifestEntry& entry, const Descriptor& file) override;
  Result<void> write(const ManifestEntry& entry, const Descriptor& file) override;

 private:
  std::function<Result<Bytes>(const Chunk&)> chunk_;
};

// A file at the path of a wanted one that is not among those which may be replaced.
enum class Strangers : std::uint8_t { replaced, refused };

// Brings a manifest's tree into `root`, which may hold other files: what `replaces` names and the manifest
// lacks is removed, the rest of `root` stays. All new files are written and synced in a staging folder on the
// same file system first, then renamed in, one by one, under a durable "switch" record that a crash leaves
// for finish_switch() to complete: old or new, never half. What `root` got last is remembered in the staging
// folder, as part of the same switch. Works beneath `root` only (openat2 RESOLVE_BENEATH; unsupported on a
// kernel without).
struct Placement {
  std::string root;
  std::string staging;  // a folder of ours on the same file system, outside the tracked tree
  const Manifest* manifest;
  Contents* contents;
  // What of `root` may be removed or replaced; nullptr: what was placed last.
  const Manifest* replaces = nullptr;
  // What counts as placed from now on; nullptr: `manifest`. With it, only the paths of `manifest` are judged.
  const Manifest* owned = nullptr;
  Strangers strangers = Strangers::replaced;
  Bytes note;  // of the caller's, if it has one: in switch_note() as soon as, and only if, the switch is done
};
Result<void> place(const Placement& placement);
// The manifest that was placed last; nothing when none ever was.
Result<std::optional<Manifest>> placed(const std::string& staging);
// Where it lies. Only ever replaced whole, so a hard link of it keeps what was placed then.
std::string owned_manifest(const std::string& staging);
std::string switch_note(const std::string& staging);
// Completes a switch that a crash interrupted, and clears what one left that did not begin; nothing to do is
// fine. Nobody else may be working in `staging`.
Result<void> finish_switch(const std::string& root, const std::string& staging);
bool unfinished(const std::string& staging);

}  // namespace octo::files
