// SPDX-License-Identifier: MIT
// What a version holds.
#include <fcntl.h>
#include <git2.h>
#include <unistd.h>

#include <algorithm>

#include "io/vcs/impl.hpp"

namespace octo::vcs {

namespace {

// A larger one is not taken into memory whole (libgit2 does so with what lies in a pack).
constexpr std::size_t kWholeBytesMax = 4 * 1024 * 1024;

using Object = Handle<git_odb_object, git_odb_object_free>;
using Stream = Handle<git_odb_stream, git_odb_stream_free>;

Result<git_oid> parse(const std::string& blob) {
  git_oid id;
  if (blob.size() != GIT_OID_HEXSZ || git_oid_fromstr(&id, blob.c_str()) != 0)
    return fail(ErrorCode::invalid_argument, "{} is no id of a blob", blob);
  return id;
}

std::string print(const git_oid& id) {
  char text[GIT_OID_HEXSZ + 1];
  git_oid_tostr(text, sizeof text, &id);
  return text;
}

int collect(const char* folder, const git_tree_entry* entry, void* into) {
  VersionedFile file;
  switch (git_tree_entry_filemode(entry)) {
    case GIT_FILEMODE_BLOB: break;
    case GIT_FILEMODE_BLOB_EXECUTABLE: file.kind = VersionedFile::Kind::executable; break;
    case GIT_FILEMODE_LINK: file.kind = VersionedFile::Kind::symlink; break;
    default: return 0;
  }
  file.path = std::string(folder) + git_tree_entry_name(entry);
  file.blob = print(*git_tree_entry_id(entry));
  static_cast<std::vector<VersionedFile>*>(into)->push_back(std::move(file));
  return 0;
}

// Nothing compares an object that is read in parts with its id: see holds().
Result<void> read_parts(git_odb_stream* stream, std::size_t bytes,
                        const std::function<Result<void>(BytesView)>& sink) {
  char part[64 * 1024];
  while (bytes > 0) {
    int count = 0;
    OCTO_TRY(attempt("read an old file", [&] {
      return count = git_odb_stream_read(stream, part, std::min(bytes, sizeof part));
    }));
    if (count == 0) return fail(ErrorCode::corrupt, "read an old file: it ends too early");
    OCTO_TRY(sink(BytesView(part, static_cast<std::size_t>(count))));
    bytes -= static_cast<std::size_t>(count);
  }
  return {};
}

}  // namespace

Result<std::vector<VersionedFile>> Repository::files(const std::string& id) const {
  const GitCommit commit = OCTO_TRY(impl_->find(id));
  std::vector<VersionedFile> found;
  Tree tree;
  OCTO_TRY(attempt("read the version", [&] { return git_commit_tree(tree.out(), commit.get()); }));
  OCTO_TRY(attempt("read the version",
                   [&] { return git_tree_walk(tree.get(), GIT_TREEWALK_PRE, collect, &found); }));
  std::ranges::sort(found, {}, &VersionedFile::path);
  return found;
}

Result<void> Repository::read(const std::string& blob,
                              const std::function<Result<void>(BytesView)>& sink) const {
  const git_oid id = OCTO_TRY(parse(blob));
  Odb odb;
  std::size_t bytes = 0;
  git_object_t type = GIT_OBJECT_INVALID;
  OCTO_TRY(attempt("open the store", [&] { return git_repository_odb(odb.out(), impl_->repository); }));
  OCTO_TRY(attempt("read an old file", [&] { return git_odb_read_header(&bytes, &type, odb.get(), &id); }));
  Stream stream;
  if (bytes > kWholeBytesMax && git_odb_open_rstream(stream.out(), &bytes, &type, odb.get(), &id) == 0)
    return read_parts(stream.get(), bytes, sink);
  Object object;
  OCTO_TRY(attempt("read an old file", [&] { return git_odb_read(object.out(), odb.get(), &id); }));
  return sink(BytesView(static_cast<const char*>(git_odb_object_data(object.get())),
                        git_odb_object_size(object.get())));
}

Result<bool> Repository::holds(int file, const std::string& blob) const {
  const git_oid id = OCTO_TRY(parse(blob));
  git_oid found;
  // A name of the open file, and with it of no other.
  const std::string path = fmt::format("/proc/self/fd/{}", file);
  return git_odb_hashfile(&found, path.c_str(), GIT_OBJECT_BLOB) == 0 && git_oid_equal(&found, &id) != 0;
}

}  // namespace octo::vcs
