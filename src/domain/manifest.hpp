// SPDX-License-Identifier: MIT
// Manifest: a tree of files as a value. Contents are named by the hashes of their chunks, so whoever has a
// manifest can ask for just what is missing. Canonical: one tree has one encoding, and the hash of it is the
// tree's id.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace octo {

struct Chunk {
  Sha256 hash;
  std::uint32_t bytes = 0;
  friend bool operator==(const Chunk&, const Chunk&) = default;
};

struct ManifestEntry {
  enum class Kind : std::uint8_t { file = 1, folder = 2, symlink = 3 };
  std::string path;  // relative, '/'-separated, clean: no "", ".", "..", leading '/', NUL
  Kind kind = Kind::file;
  std::uint32_t mode = 0644;  // permission bits 0777 only: no setuid, setgid, sticky
  std::string link;           // of a symlink; stays below the root
  std::vector<Chunk> chunks;  // of a file
  std::uint64_t bytes() const;
  friend bool operator==(const ManifestEntry&, const ManifestEntry&) = default;
};

struct Manifest {
  std::vector<ManifestEntry>
      entries;  // sorted by path, bytewise; parents before children, every parent listed
  std::uint64_t bytes() const;
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

// Judges every rule above, the limits, and that no path is or lies in ".git" (any case), naming the path and
// the rule.
Result<void> check(const Manifest& manifest);
// Why stock git would not take the last part of `path` into a version, or complain of it for ever (fsck
// --strict): the same on every system that a version may be checked out on, so also names which only NTFS or
// HFS+ take for .git. Nothing when it is fine.
std::optional<std::string> git_refuses(std::string_view path, ManifestEntry::Kind kind);
// The file of its own that git takes this one for, on some system: ".gitmodules" or ".gitattributes"; else
// "".
std::string_view git_reads(std::string_view path);
// Binary: "octm1\n", then entries; see spec/files.md. decode() checks.
Bytes encode(const Manifest& manifest);
Result<Manifest> decode_manifest(BytesView bytes);
// What lies below `folder` ("hello/src"), with paths relative to it; nothing when there is none. "." is all.
Manifest below(const Manifest& manifest, std::string_view folder);
// A clean relative path, or why not.
Result<void> check_path(std::string_view path);

// Content-defined cuts (FastCDC, Xia et al., ATC 2016, normalised chunking): where the next chunk of `bytes`
// ends. `bytes` begins at a chunk's begin and holds at least limits::chunk_bytes_max bytes or all that is
// left.
std::size_t next_cut(BytesView bytes);

}  // namespace octo
