// SPDX-License-Identifier: MIT
#include "domain/manifest.hpp"

#include <fmt/format.h>

#include <set>

#include "base/text.hpp"
#include "domain/limits.hpp"

namespace octo {

namespace {

constexpr std::string_view kMagic = "octm1\n";

bool is_git(std::string_view segment) { return lower(segment) == ".git"; }

// As HFS+ compares names: without case, and without the invisible characters U+200C to U+200F, U+202A to
// U+202E, U+206A to U+206F and U+FEFF.
std::string as_on_hfs(std::string_view name) {
  std::string seen;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto three = name.substr(i, 3);
    const bool general = three.starts_with("\xe2\x80") || three.starts_with("\xe2\x81");
    const auto last = three.size() == 3 ? static_cast<unsigned char>(three[2]) : 0U;
    const bool joiner =
        three.starts_with("\xe2\x80") && ((last >= 0x8c && last <= 0x8f) || (last >= 0xaa && last <= 0xae));
    const bool shaping = three.starts_with("\xe2\x81") && last >= 0xaa && last <= 0xaf;
    if (three == "\xef\xbb\xbf" || (general && (joiner || shaping))) i += 2;
    else seen += name[i];
  }
  return lower(seen);
}

// As NTFS does: without case, the name of a stream after ':', and dots and spaces at the end.
std::string as_on_ntfs(std::string_view name) {
  name = name.substr(0, name.find(':'));
  while (name.ends_with('.') || name.ends_with(' ')) name.remove_suffix(1);
  return lower(name);
}

// A short name that NTFS may have given to `.<word>`: its first six characters and ~1 to ~4, or the beginning
// of `hashed` and a number, eight characters in all.
bool is_short_name(std::string_view name, std::string_view word, std::string_view hashed) {
  const auto tilde = name.find('~');
  if (name.size() != 8 || tilde == std::string_view::npos) return false;
  const std::string_view number = name.substr(tilde + 1);
  if (number.empty() || number.front() < '1' ||
      number.find_first_not_of("0123456789") != std::string_view::npos)
    return false;
  if (name.substr(0, tilde) == word.substr(0, 6) && number.front() <= '4') return true;
  return hashed.starts_with(name.substr(0, tilde));
}

// A symlink's target, taken from the folder the link is in, must not climb above the root.
bool stays_inside(std::string_view path, std::string_view link) {
  if (link.empty() || link.front() == '/') return false;
  std::size_t depth = split(path, '/').size() - 1;
  for (const std::string& segment : split(link, '/')) {
    if (segment == "..") {
      if (depth == 0) return false;
      --depth;
    } else if (!segment.empty() && segment != ".") {
      ++depth;
    }
  }
  return true;
}

Failure broken(const ManifestEntry& entry, std::string_view rule) {
  return fail(ErrorCode::invalid_argument, "{}: {}", quote(entry.path), rule);
}

Result<void> check_entry(const ManifestEntry& entry) {
  OCTO_TRY(check_path(entry.path));
  if (const auto reason = git_refuses(entry.path, entry.kind)) return broken(entry, *reason + "; rename it");
  if ((entry.mode & ~0777U) != 0) return broken(entry, "setuid, setgid and sticky bits do not travel");
  if (entry.kind == ManifestEntry::Kind::symlink) {
    if (entry.link.size() > limits::path_bytes_max || entry.link.find('\0') != std::string::npos) {
      return broken(entry, "the symlink's target is no path");
    }
    if (!stays_inside(entry.path, entry.link)) return broken(entry, "the symlink leads out of its folder");
  } else if (!entry.link.empty()) {
    return broken(entry, "only a symlink has a target");
  }
  if (entry.kind != ManifestEntry::Kind::file && !entry.chunks.empty())
    return broken(entry, "only a file has chunks");
  for (const Chunk& chunk : entry.chunks) {
    if (chunk.bytes == 0 || chunk.bytes > limits::chunk_bytes_max)
      return broken(entry, "a chunk is empty or over the limit");
  }
  return {};
}

class Reader {
 public:
  explicit Reader(BytesView bytes) : bytes_(bytes) {}
  template <class Unsigned>
  Result<Unsigned> number() {
    if (bytes_.size() < sizeof(Unsigned))
      return fail(ErrorCode::invalid_argument, "the manifest ends in the middle");
    const auto value = get_unsigned<Unsigned>(bytes_);
    bytes_.remove_prefix(sizeof(Unsigned));
    return value;
  }
  Result<std::string> text(std::size_t size) {
    if (bytes_.size() < size) return fail(ErrorCode::invalid_argument, "the manifest ends in the middle");
    std::string value(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return value;
  }
  std::size_t left() const { return bytes_.size(); }

 private:
  BytesView bytes_;
};

Result<ManifestEntry> read_entry(Reader& reader) {
  ManifestEntry entry;
  const auto kind = OCTO_TRY(reader.number<std::uint8_t>());
  if (kind < 1 || kind > 3)
    return fail(ErrorCode::invalid_argument, "the manifest has an entry of unknown kind {}", kind);
  entry.kind = static_cast<ManifestEntry::Kind>(kind);
  entry.mode = OCTO_TRY(reader.number<std::uint16_t>());
  entry.path = OCTO_TRY(reader.text(OCTO_TRY(reader.number<std::uint16_t>())));
  entry.link = OCTO_TRY(reader.text(OCTO_TRY(reader.number<std::uint16_t>())));
  const auto chunks = OCTO_TRY(reader.number<std::uint32_t>());
  constexpr std::size_t kChunkBytes = 36;
  if (chunks > reader.left() / kChunkBytes)
    return fail(ErrorCode::invalid_argument, "the manifest ends in the middle");
  entry.chunks.resize(chunks);
  for (Chunk& chunk : entry.chunks) {
    const std::string hash = OCTO_TRY(reader.text(32));
    std::copy(hash.begin(), hash.end(), chunk.hash.bytes.begin());
    chunk.bytes = OCTO_TRY(reader.number<std::uint32_t>());
  }
  return entry;
}

}  // namespace

std::uint64_t ManifestEntry::bytes() const {
  std::uint64_t sum = 0;
  for (const Chunk& chunk : chunks) sum += chunk.bytes;
  return sum;
}

std::uint64_t Manifest::bytes() const {
  std::uint64_t sum = 0;
  for (const ManifestEntry& entry : entries) sum += entry.bytes();
  return sum;
}

Result<void> check_path(std::string_view path) {
  const auto bad = [&](std::string_view rule) {
    return fail(ErrorCode::invalid_argument, "path {}: {}", quote(path), rule);
  };
  if (path.empty() || path.size() > limits::path_bytes_max) return bad("empty or too long");
  if (path.front() == '/') return bad("must be relative");
  if (path.find('\0') != std::string_view::npos) return bad("holds a NUL");
  for (const std::string& segment : split(path, '/')) {
    if (segment.empty() || segment == "." || segment == "..")
      return bad("'', '.' and '..' are not allowed in it");
    if (segment.size() > 255) return bad("a name in it is longer than 255 bytes");
    if (is_git(segment)) return bad("'.git' does not travel; a nodeapp has its own");
  }
  return {};
}

std::optional<std::string> git_refuses(std::string_view path, ManifestEntry::Kind kind) {
  const std::string_view name = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  if (as_on_hfs(name) == ".git") return "git takes the name for .git";
  // Where '\\' separates, each part is a name.
  const auto parts = split(name, '\\');
  for (const std::string& part : parts) {
    const std::string seen = as_on_ntfs(part);
    if (seen == ".git" || seen == "git~1") return "git takes the name for .git";
  }
  if (kind == ManifestEntry::Kind::file) return std::nullopt;
  const std::string_view meant = git_reads(path);
  const bool may_be_symlink = meant != ".gitmodules";
  if (meant.empty() || (kind == ManifestEntry::Kind::symlink && may_be_symlink)) return std::nullopt;
  return fmt::format("git wants {} to be a file", meant);
}

std::string_view git_reads(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::string last = as_on_ntfs(split(name, '\\').back());
  struct Special {
    std::string_view whole, hashed;
  };
  for (const auto& [whole, hashed] :
       {Special{".gitmodules", "gi7eba"}, Special{".gitattributes", "gi7d29"}}) {
    if (as_on_hfs(name) == whole || last == whole || is_short_name(last, whole.substr(1), hashed))
      return whole;
  }
  return "";
}

Result<void> check(const Manifest& manifest) {
  if (manifest.entries.size() > limits::manifest_entries_max) {
    return fail(ErrorCode::too_large, "{} files and folders, {} at most", manifest.entries.size(),
                limits::manifest_entries_max);
  }
  std::uint64_t bytes = 0;
  std::set<std::string_view> folders;
  const std::string* before = nullptr;
  for (const ManifestEntry& entry : manifest.entries) {
    OCTO_TRY(check_entry(entry));
    if (before != nullptr && *before >= entry.path)
      return broken(entry, "entries are not sorted, or one is there twice");
    before = &entry.path;
    const std::size_t slash = entry.path.rfind('/');
    if (slash != std::string::npos && !folders.contains(std::string_view(entry.path).substr(0, slash))) {
      return broken(entry, "its folder is not listed as a folder");
    }
    if (entry.kind == ManifestEntry::Kind::folder) folders.insert(entry.path);
    bytes += entry.bytes();
    if (bytes > limits::bundle_bytes_max)
      return fail(ErrorCode::too_large, "more than {} bytes in all", limits::bundle_bytes_max);
  }
  return {};
}

Bytes encode(const Manifest& manifest) {
  Bytes out(kMagic);
  put_u32(out, static_cast<std::uint32_t>(manifest.entries.size()));
  for (const ManifestEntry& entry : manifest.entries) {
    put_u8(out, static_cast<std::uint8_t>(entry.kind));
    put_u16(out, static_cast<std::uint16_t>(entry.mode));
    put_u16(out, static_cast<std::uint16_t>(entry.path.size()));
    out += entry.path;
    put_u16(out, static_cast<std::uint16_t>(entry.link.size()));
    out += entry.link;
    put_u32(out, static_cast<std::uint32_t>(entry.chunks.size()));
    for (const Chunk& chunk : entry.chunks) {
      out.append(reinterpret_cast<const char*>(chunk.hash.bytes.data()), chunk.hash.bytes.size());
      put_u32(out, chunk.bytes);
    }
  }
  return out;
}

Result<Manifest> decode_manifest(BytesView bytes) {
  if (bytes.size() > limits::manifest_bytes_max) {
    return fail(ErrorCode::too_large, "a manifest of {} bytes, {} at most", bytes.size(),
                limits::manifest_bytes_max);
  }
  if (!bytes.starts_with(kMagic)) return fail(ErrorCode::invalid_argument, "this is no manifest");
  Reader reader(bytes.substr(kMagic.size()));
  const auto count = OCTO_TRY(reader.number<std::uint32_t>());
  Manifest manifest;
  for (std::uint32_t i = 0; i < count; ++i) manifest.entries.push_back(OCTO_TRY(read_entry(reader)));
  if (reader.left() != 0)
    return fail(ErrorCode::invalid_argument, "the manifest has {} bytes too many", reader.left());
  OCTO_TRY(check(manifest));
  return manifest;
}

Manifest below(const Manifest& manifest, std::string_view folder) {
  if (folder == ".") return manifest;
  Manifest inner;
  const std::string prefix = std::string(folder) + "/";
  for (const ManifestEntry& entry : manifest.entries) {
    if (!entry.path.starts_with(prefix)) continue;
    inner.entries.push_back(entry);
    inner.entries.back().path.erase(0, prefix.size());
  }
  return inner;
}

}  // namespace octo
