// SPDX-License-Identifier: MIT
#include "io/vcs/vcs.hpp"

#include <git2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/text.hpp"
#include "io/vcs/changes.hpp"
#include "io/vcs/impl.hpp"
#include "io/vcs/stage.hpp"

namespace octo::vcs {

namespace {

constexpr std::string_view kOperation = "Octopoda-Operation: ";
constexpr std::string_view kAuthor = "octopoda", kMail = "octopoda@localhost";

using Signature = Handle<git_signature, git_signature_free>;
using Walk = Handle<git_revwalk, git_revwalk_free>;
using Config = Handle<git_config, git_config_free>;
using Diff = Handle<git_diff, git_diff_free>;
using Reference = Handle<git_reference, git_reference_free>;
using Refs = Handle<git_refdb, git_refdb_free>;

void start_library() {
  static const bool started = [] {
    git_libgit2_init();
    for (const int level : {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG,
                            GIT_CONFIG_LEVEL_GLOBAL}) {
      git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
    }
    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION,
                     0);  // scripts may run as others; the folder was judged already
    return true;
  }();
  (void)started;
}

std::string print(const git_oid& id) {
  char text[GIT_OID_HEXSZ + 1];
  git_oid_tostr(text, sizeof text, &id);
  return text;
}

Commit describe(git_commit* commit) {
  Commit made;
  made.id = print(*git_commit_id(commit));
  made.message = git_commit_message(commit) == nullptr ? "" : git_commit_message(commit);
  made.made = WallTime(std::chrono::seconds(git_commit_time(commit)));
  if (const auto at = made.message.rfind("\n\n" + std::string(kOperation)); at != std::string::npos) {
    made.operation = trim(std::string_view(made.message).substr(at + 2 + kOperation.size()));
    made.message.erase(at);
  }
  while (made.message.ends_with('\n')) made.message.pop_back();
  return made;
}

// A .git that is a file or a symlink, or whose settings lead elsewhere, is not ours.
Result<void> check_real(const std::string& folder) {
  struct stat facts{};
  if (::lstat((folder + "/.git").c_str(), &facts) != 0) return {};
  if (!S_ISDIR(facts.st_mode)) return fail(ErrorCode::forbidden, "{}/.git is no folder", folder);
  Config config;
  if (const int code = git_config_open_ondisk(config.out(), (folder + "/.git/config").c_str()); code != 0) {
    return fail(ErrorCode::corrupt, "{}/.git/config cannot be read; repair it or move {}/.git away", folder,
                folder);
  }
  git_config_entry* entry = nullptr;
  for (const char* name : {"core.worktree", "include.path"}) {
    if (git_config_get_entry(&entry, config.get(), name) != 0) continue;
    git_config_entry_free(entry);
    return fail(ErrorCode::forbidden, "{}/.git/config sets {}, which leads out of the folder", folder, name);
  }
  return {};
}

// Versions hold the bytes that are there. Attributes in the folder, which may ask for other line ends or
// filter programs, are for the people who wrote them; those in .git outrank them, for us and for the stock
// git.
Result<void> keep_bytes(const std::string& folder) {
  constexpr std::string_view kText = "* -text -eol -ident -filter -working-tree-encoding\n";
  const std::string file = folder + "/.git/info/attributes", fresh = file + ".tmp";
  std::error_code error;
  if (std::filesystem::file_size(file, error) == kText.size() && !error) return {};
  std::filesystem::create_directories(folder + "/.git/info", error);
  errno = 0;
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out << kText;
  out.close();
  if (out && ::rename(fresh.c_str(), file.c_str()) == 0) return {};
  return failed(fmt::format("write {}", file), 0);
}

}  // namespace

Repository::Impl::~Impl() {
  if (repository != nullptr) git_repository_free(repository);
}

Result<GitCommit> Repository::Impl::head() const {
  GitCommit commit;
  git_oid id;
  forget_errors();
  const int code = git_reference_name_to_id(&id, repository, "HEAD");
  if (code == GIT_ENOTFOUND || code == GIT_EUNBORNBRANCH) return commit;
  if (code != 0) return failed("read the newest version", code);
  OCTO_TRY(
      attempt("read the newest version", [&] { return git_commit_lookup(commit.out(), repository, &id); }));
  return commit;
}

Result<GitCommit> Repository::Impl::find(const std::string& id) const {
  git_oid parsed;
  GitCommit commit;
  if (id.size() != GIT_OID_HEXSZ || git_oid_fromstr(&parsed, id.c_str()) != 0)
    return fail(ErrorCode::invalid_argument, "{} is no id of a version", quote(id));
  if (git_commit_lookup(commit.out(), repository, &parsed) != 0)
    return fail(ErrorCode::not_found, "there is no version {} in {}", id, folder);
  return commit;
}

Result<Index> Repository::Impl::open_index() const {
  Index index;
  const auto read = [&] {
    const int opened = git_repository_index(index.out(), repository);
    return opened != 0 ? opened : git_index_read(index.get(), 1);
  };
  const std::string path = folder + "/.git/index";
  if (const auto done = attempt("read the index", read); !done) {
    const git_error* error = git_error_last();
    const bool unreadable = error != nullptr && error->klass == GIT_ERROR_INDEX;
    if (!unreadable || ::unlink(path.c_str()) != 0) return Failure(done.error());
    OCTO_TRY(attempt("read the index", read));
  }
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) == 0) return index;
  const GitCommit last = OCTO_TRY(head());
  if (last.get() == nullptr) return index;
  Tree tree;
  OCTO_TRY(attempt("read the newest version", [&] { return git_commit_tree(tree.out(), last.get()); }));
  OCTO_TRY(attempt("make the index", [&] { return git_index_read_tree(index.get(), tree.get()); }));
  return index;
}

// Which lock it would need, libgit2 does not say.
Result<void> Repository::Impl::write_index(const Index& index) const {
  return attempt(fmt::format("write {}/.git/index.lock", folder),
                 [&] { return git_index_write(index.get()); });
}

Result<std::unique_ptr<Repository>> Repository::open(const std::string& folder) {
  start_library();
  OCTO_TRY(check_real(folder));
  auto impl = std::make_unique<Impl>();
  impl->folder = folder;
  struct stat facts{};
  const bool made = ::lstat((folder + "/.git").c_str(), &facts) != 0;
  const auto open = [&] {
    git_repository_init_options options;
    git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
    options.flags = GIT_REPOSITORY_INIT_NO_REINIT;
    options.initial_head = "main";
    const int code = made ? git_repository_init_ext(&impl->repository, folder.c_str(), &options)
                          : git_repository_open_ext(&impl->repository, folder.c_str(),
                                                    GIT_REPOSITORY_OPEN_NO_SEARCH, nullptr);
    if (code != 0) return code;
    Refs refs;
    if (const int opened = git_repository_refdb(refs.out(), impl->repository); opened != 0) return opened;
    return git_repository_set_ident(impl->repository, kAuthor.data(), kMail.data());
  };
  const auto opened =
      attempt(fmt::format("{} in {}", made ? "make a repository" : "open the repository", folder),
              [&] { return with_synced_refs(open); });
  if (!opened && made) return Failure(opened.error());
  if (!opened) return fail(ErrorCode::corrupt, "{}; see: git -C {} fsck", opened.error().message(), folder);
  OCTO_TRY(keep_bytes(folder));
  return std::unique_ptr<Repository>(new Repository(std::move(impl)));
}

Repository::Repository(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Repository::~Repository() = default;

Result<Commit> Repository::Impl::commit_all(const CommitWords& words) const {
  const Index index = OCTO_TRY(open_index());
  // Not git_index_add_all(): it gives up on files that are written meanwhile.
  auto changed = OCTO_TRY(changed_paths(repository, index.get(), folder));
  Batch batch(folder + "/.git", changed.size());
  // What is gone comes last in it and goes first: a file may have become a folder.
  std::ranges::reverse(changed);
  for (const std::string& path : changed) OCTO_TRY(stage(repository, index.get(), folder, path));
  OCTO_TRY(write_index(index));
  git_oid tree;
  OCTO_TRY(attempt("write the tree", [&] { return git_index_write_tree(&tree, index.get()); }));
  return commit_tree(tree, words, batch);
}

namespace {

Result<void> move_head(git_repository* repository, const git_oid& to, const git_commit* from) {
  Reference head, moved;
  OCTO_TRY(attempt("read HEAD", [&] { return git_reference_lookup(head.out(), repository, "HEAD"); }));
  const bool symbolic = git_reference_type(head.get()) == GIT_REFERENCE_SYMBOLIC;
  const char* name = symbolic ? git_reference_symbolic_target(head.get()) : "HEAD";
  return attempt("make the version the newest", [&] {
    return from == nullptr ? git_reference_create(moved.out(), repository, name, &to, 0, "commit (initial)")
                           : git_reference_create_matching(moved.out(), repository, name, &to, 1,
                                                           git_commit_id(from), "commit");
  });
}

}  // namespace

Result<Commit> Repository::Impl::commit_tree(const git_oid& tree_id, const CommitWords& words,
                                             Batch& batch) const {
  git_oid id;
  Tree tree;
  Signature author;
  OCTO_TRY(attempt("read the tree", [&] { return git_tree_lookup(tree.out(), repository, &tree_id); }));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(words.now).time_since_epoch().count();
  OCTO_TRY(attempt(
      "sign", [&] { return git_signature_new(author.out(), kAuthor.data(), kMail.data(), seconds, 0); }));
  std::string message(trim(words.message));
  if (message.empty()) message = "version";
  if (!words.operation.empty()) message += fmt::format("\n\n{}{}", kOperation, words.operation);
  message += "\n";
  const GitCommit parent = OCTO_TRY(head());
  const git_commit* parents[] = {parent.get()};
  OCTO_TRY(attempt("make the version", [&] {
    return git_commit_create(&id, repository, nullptr, author.get(), author.get(), "UTF-8", message.c_str(),
                             tree.get(), parent.get() == nullptr ? 0 : 1, parents);
  }));
  // A ref may name only what is durable.
  OCTO_TRY(batch.sync());
  OCTO_TRY(move_head(repository, id, parent.get()));
  GitCommit made;
  OCTO_TRY(attempt("read the version", [&] { return git_commit_lookup(made.out(), repository, &id); }));
  return describe(made.get());
}

Result<Commit> Repository::commit(const CommitWords& words) {
  const auto last = OCTO_TRY(newest());
  if (last && !words.operation.empty() && last->operation == words.operation) return *last;
  return impl_->commit_all(words);
}

Result<std::optional<Commit>> Repository::commit_changes(const CommitWords& words) {
  if (!OCTO_TRY(modified())) return std::nullopt;
  return OCTO_TRY(impl_->commit_all(words));
}

Result<Commit> Repository::commit_again(const std::string& id, const CommitWords& words) {
  const GitCommit version = OCTO_TRY(impl_->find(id));
  Tree tree;
  OCTO_TRY(attempt("read the version", [&] { return git_commit_tree(tree.out(), version.get()); }));
  const Index index = OCTO_TRY(impl_->open_index());
  OCTO_TRY(attempt("read the version", [&] { return git_index_read_tree(index.get(), tree.get()); }));
  learn_facts(impl_->repository, index.get(), impl_->folder);
  OCTO_TRY(impl_->write_index(index));
  Batch batch(impl_->folder + "/.git", 1);
  return impl_->commit_tree(*git_tree_id(tree.get()), words, batch);
}

Result<std::vector<Commit>> Repository::log(std::uint64_t offset, std::uint64_t limit) const {
  std::vector<Commit> commits;
  GitCommit at = OCTO_TRY(impl_->head());
  for (std::uint64_t i = 0; at.get() != nullptr && commits.size() < limit; ++i) {
    if (i >= offset) commits.push_back(describe(at.get()));
    if (git_commit_parentcount(at.get()) == 0) break;
    GitCommit parent;
    OCTO_TRY(attempt("read an older version", [&] { return git_commit_parent(parent.out(), at.get(), 0); }));
    at = std::move(parent);
  }
  return commits;
}

Result<std::uint64_t> Repository::count() const {
  if (OCTO_TRY(impl_->head()).get() == nullptr) return 0;
  Walk walk;
  OCTO_TRY(attempt("count versions", [&] { return git_revwalk_new(walk.out(), impl_->repository); }));
  git_revwalk_simplify_first_parent(walk.get());
  OCTO_TRY(attempt("count versions", [&] { return git_revwalk_push_head(walk.get()); }));
  std::uint64_t count = 0;
  git_oid id;
  while (git_revwalk_next(&id, walk.get()) == 0) ++count;
  return count;
}

Result<std::optional<Commit>> Repository::newest() const {
  const GitCommit head = OCTO_TRY(impl_->head());
  if (head.get() == nullptr) return std::nullopt;
  return describe(head.get());
}

Result<bool> Repository::modified() const {
  const Index index = OCTO_TRY(impl_->open_index());
  for (const std::string& path : OCTO_TRY(changed_paths(impl_->repository, index.get(), impl_->folder))) {
    if (differs(index.get(), impl_->folder, path)) return true;
  }
  const GitCommit head = OCTO_TRY(impl_->head());
  if (head.get() == nullptr) return git_index_entrycount(index.get()) > 0;
  Tree tree;
  Diff diff;
  OCTO_TRY(attempt("read the newest version", [&] { return git_commit_tree(tree.out(), head.get()); }));
  OCTO_TRY(attempt("compare with the newest version", [&] {
    return git_diff_tree_to_index(diff.out(), impl_->repository, tree.get(), index.get(), nullptr);
  }));
  return git_diff_num_deltas(diff.get()) > 0;
}

}  // namespace octo::vcs
