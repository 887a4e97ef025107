// SPDX-License-Identifier: MIT
#include "tentacle/workspace/versions.hpp"

#include <unistd.h>

#include <cerrno>

#include "domain/limits.hpp"
#include "io/files/beneath.hpp"
#include "io/files/files.hpp"
#include "tentacle/workspace/return_plan.hpp"

namespace octo::tentacle {

namespace {

using Words = vcs::Repository::CommitWords;

constexpr std::string_view kMagic = "octrv1\n";
constexpr std::size_t kDueMax = 1024 * 1024;

// The version that a reset still has to make, once its files are there: the note of its switch.
struct Due {
  std::string commit;  // whose files they are
  Words words;
};

Bytes encode(const Due& due) {
  Bytes out(kMagic);
  for (const std::string* text : {&due.commit, &due.words.operation, &due.words.message}) {
    put_u32(out, static_cast<std::uint32_t>(text->size()));
    out += *text;
  }
  put_u64(
      out,
      static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::nanoseconds>(due.words.now.time_since_epoch()).count()));
  return out;
}

Result<Due> decode_due(BytesView bytes) {
  const auto broken = [] { return fail(ErrorCode::corrupt, "the note of a reset is damaged; remove it"); };
  if (!bytes.starts_with(kMagic)) return broken();
  bytes.remove_prefix(kMagic.size());
  Due due;
  for (std::string* text : {&due.commit, &due.words.operation, &due.words.message}) {
    if (bytes.size() < 4) return broken();
    const auto size = get_unsigned<std::uint32_t>(bytes);
    bytes.remove_prefix(4);
    if (bytes.size() < size) return broken();
    *text = bytes.substr(0, size);
    bytes.remove_prefix(size);
  }
  if (bytes.size() != 8) return broken();
  const auto since = std::chrono::nanoseconds(static_cast<std::int64_t>(get_unsigned<std::uint64_t>(bytes)));
  due.words.now = WallTime(std::chrono::duration_cast<WallTime::duration>(since));
  return due;
}

// Which manifest had been placed last when a version was made: <staging>/of/<commit>, a hard link of "owned".
std::string owned_of(const std::string& folder, const std::string& commit) {
  return files::join(files::join(staging_of(folder), "of"), commit);
}

Result<void> remember_owned(const std::string& folder, const std::string& commit) {
  const std::string of = files::join(staging_of(folder), "of"), to = owned_of(folder, commit);
  OCTO_TRY(files::make_folders(of));
  if (::link(files::owned_manifest(staging_of(folder)).c_str(), to.c_str()) == 0)
    return files::sync_folder(of);
  if (errno != EEXIST && errno != ENOENT) return files::failed("remember", to);
  return {};
}

Result<std::optional<Manifest>> load_owned(const std::string& folder, const std::string& commit) {
  const std::string file = owned_of(folder, commit);
  if (!files::exists(file)) return std::nullopt;
  return OCTO_TRY(decode_manifest(OCTO_TRY(files::load(file, limits::manifest_bytes_max))).with(file));
}

bool is_made(const std::optional<vcs::Commit>& last, const Words& words) {
  return last && !words.operation.empty() && last->operation == words.operation;
}

Result<void> finish_version(const std::string& folder, vcs::Repository& repository) {
  const std::string note = files::switch_note(staging_of(folder));
  if (!files::exists(note)) return {};
  const Due due = OCTO_TRY(decode_due(OCTO_TRY(files::load(note, kDueMax))).with(note));
  auto made = OCTO_TRY(repository.newest());
  if (!is_made(made, due.words)) {
    made = OCTO_TRY(repository.commit_again(due.commit, due.words)
                        .with(fmt::format("make the version of a reset, which {} asks for", note)));
  }
  OCTO_TRY(remember_owned(folder, made->id));
  if (::unlink(note.c_str()) != 0) return files::failed("remove", note);
  return files::sync_folder(staging_of(folder));
}

}  // namespace

std::string staging_of(const std::string& folder) { return files::join(folder, ".git/octopoda"); }

Result<std::unique_ptr<vcs::Repository>> open_finished(const std::string& folder, vcs::Age age) {
  // Refuses a .git that leads elsewhere, before anything in it is believed.
  auto repository = OCTO_TRY(vcs::Repository::open(folder));
  OCTO_TRY(files::make_folders(staging_of(folder)));
  OCTO_TRY(vcs::remove_stale_locks(folder, age));
  OCTO_TRY(files::finish_switch(folder, staging_of(folder)));
  OCTO_TRY(finish_version(folder, *repository));
  return repository;
}

Result<vcs::Commit> make_version(const std::string& folder, const Words& words) {
  const auto repository = OCTO_TRY(open_finished(folder, vcs::Age::old));
  auto made = OCTO_TRY(repository->commit(words));
  OCTO_TRY(remember_owned(folder, made.id));
  return made;
}

Result<vcs::Commit> reset_to(const std::string& folder, const std::string& id, const Words& words) {
  const std::string staging = staging_of(folder);
  const auto repository = OCTO_TRY(open_finished(folder, vcs::Age::old));
  if (const auto last = OCTO_TRY(repository->newest()); is_made(last, words)) {
    OCTO_TRY(remember_owned(folder, last->id));
    return *last;
  }
  ReturnPlan::Known known{.target = OCTO_TRY(repository->files(id)),
                          .owned_now = OCTO_TRY(files::placed(staging)).value_or(Manifest{})};
  known.owned_then = OCTO_TRY(load_owned(folder, id)).value_or(known.owned_now);
  const auto kept = OCTO_TRY(repository->commit_changes(
      {fmt::format("before reset to {}", id.substr(0, 12)), words.operation + ".before", words.now}));
  if (kept) OCTO_TRY(remember_owned(folder, kept->id));
  if (const auto last = OCTO_TRY(repository->newest())) known.present = OCTO_TRY(repository->files(last->id));
  ReturnPlan plan = OCTO_TRY(ReturnPlan::make(*repository, folder, std::move(known)));
  OCTO_TRY(files::place({.root = folder,
                         .staging = staging,
                         .manifest = &plan.wanted,
                         .contents = &plan,
                         .replaces = &plan.replaces,
                         .owned = &plan.owned,
                         .strangers = files::Strangers::refused,
                         .note = encode(Due{id, words})})
               .with(fmt::format("bring back version {}", id.substr(0, 12))));
  OCTO_TRY(finish_version(folder, *repository));
  const auto made = OCTO_TRY(repository->newest());
  if (!made) return fail(ErrorCode::conflict, "the version of the reset is gone again; try again");
  return *made;
}

}  // namespace octo::tentacle
