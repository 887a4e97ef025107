// SPDX-License-Identifier: MIT
#include "io/vcs/vcs.hpp"

#include <git2.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/text.hpp"
#include "io/vcs/changes.hpp"
#include "io/vcs/stage.hpp"

namespace octo::vcs {

namespace {

constexpr std::string_view kOperation = "Octopoda-Operation: ";
constexpr std::string_view kAuthor = "octopoda", kMail = "octopoda@localhost";

// A libgit2 object with its free function.
template <class T, void (*Free)(T*)>
class Handle {
 public:
  Handle() = default;
  Handle(Handle&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~Handle() {
    if (held_ != nullptr) Free(held_);
  }
  T* get() const { return held_; }
  T** out() { return &held_; }

 private:
  T* held_ = nullptr;
};
using Index = Handle<git_index, git_index_free>;
using Tree = Handle<git_tree, git_tree_free>;
using GitCommit = Handle<git_commit, git_commit_free>;
using Signature = Handle<git_signature, git_signature_free>;
using Walk = Handle<git_revwalk, git_revwalk_free>;
using Config = Handle<git_config, git_config_free>;
using Diff = Handle<git_diff, git_diff_free>;

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
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out << kText;
  out.close();
  if (!out || ::rename(fresh.c_str(), file.c_str()) != 0)
    return fail(ErrorCode::unavailable, "write {}", file);
  return {};
}

}  // namespace

Failure failed(std::string_view step, int code) {
  const git_error* error = git_error_last();
  const std::string text = error != nullptr && error->message != nullptr ? error->message : "unknown";
  ErrorCode kind = code == GIT_ENOTFOUND ? ErrorCode::not_found : ErrorCode::unavailable;
  if (error != nullptr && error->klass == GIT_ERROR_OS && text.find("No space left") != std::string::npos)
    kind = ErrorCode::storage_full;
  if (error != nullptr && (error->klass == GIT_ERROR_ODB || error->klass == GIT_ERROR_ZLIB) &&
      code != GIT_ENOTFOUND)
    kind = ErrorCode::corrupt;
  return fail(kind, "{}: {}", step, text);
}

struct Repository::Impl {
  ~Impl() {
    if (repository != nullptr) git_repository_free(repository);
  }

  // No commit yet is no error.
  Result<GitCommit> head() const {
    GitCommit commit;
    git_oid id;
    const int code = git_reference_name_to_id(&id, repository, "HEAD");
    if (code == GIT_ENOTFOUND || code == GIT_EUNBORNBRANCH) return commit;
    if (code != 0) return failed("read the newest version", code);
    if (const int found = git_commit_lookup(commit.out(), repository, &id); found != 0)
      return failed("read the newest version", found);
    return commit;
  }

  Result<void> stage_all(Index& index) const;
  Result<Commit> commit_index(Index& index, const CommitWords& words) const;

  git_repository* repository = nullptr;
  std::string folder;
};

Result<std::unique_ptr<Repository>> Repository::open(const std::string& folder) {
  start_library();
  OCTO_TRY(check_real(folder));
  auto impl = std::make_unique<Impl>();
  impl->folder = folder;
  struct stat facts{};
  if (::lstat((folder + "/.git").c_str(), &facts) != 0) {
    git_repository_init_options options;
    git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
    options.flags = GIT_REPOSITORY_INIT_NO_REINIT;
    options.initial_head = "main";
    const int code = git_repository_init_ext(&impl->repository, folder.c_str(), &options);
    if (code != 0) return failed(fmt::format("make a repository in {}", folder), code);
  } else if (const int code = git_repository_open_ext(&impl->repository, folder.c_str(),
                                                      GIT_REPOSITORY_OPEN_NO_SEARCH, nullptr);
             code != 0) {
    const Error error = failed(fmt::format("open the repository in {}", folder), code).error();
    return fail(ErrorCode::corrupt, "{}; see: git -C {} fsck", error.message(), folder);
  }
  OCTO_TRY(keep_bytes(folder));
  return std::unique_ptr<Repository>(new Repository(std::move(impl)));
}

Repository::Repository(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Repository::~Repository() = default;

Result<void> Repository::Impl::stage_all(Index& index) const {
  if (const int code = git_repository_index(index.out(), repository); code != 0)
    return failed("open the index", code);
  if (const int code = git_index_read(index.get(), 1); code != 0) return failed("read the index", code);
  // Not git_index_add_all(): it gives up on files that are written meanwhile.
  auto changed = OCTO_TRY(changed_paths(repository, index.get(), folder));
  // What is gone comes last in it and goes first: a file may have become a folder.
  std::ranges::reverse(changed);
  for (const std::string& path : changed) OCTO_TRY(stage(repository, index.get(), folder, path));
  if (const int code = git_index_write(index.get()); code != 0) return failed("write the index", code);
  return {};
}

Result<Commit> Repository::Impl::commit_index(Index& index, const CommitWords& words) const {
  git_oid tree_id, commit_id;
  Tree tree;
  Signature author;
  if (const int code = git_index_write_tree(&tree_id, index.get()); code != 0)
    return failed("write the tree", code);
  if (const int code = git_tree_lookup(tree.out(), repository, &tree_id); code != 0)
    return failed("read the tree", code);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(words.now).time_since_epoch().count();
  if (const int code = git_signature_new(author.out(), kAuthor.data(), kMail.data(), seconds, 0); code != 0)
    return failed("sign", code);
  std::string message(trim(words.message));
  if (message.empty()) message = "version";
  if (!words.operation.empty()) message += fmt::format("\n\n{}{}", kOperation, words.operation);
  message += "\n";
  const GitCommit parent = OCTO_TRY(head());
  const git_commit* parents[] = {parent.get()};
  const int code = git_commit_create(&commit_id, repository, "HEAD", author.get(), author.get(), "UTF-8",
                                     message.c_str(), tree.get(), parent.get() == nullptr ? 0 : 1, parents);
  if (code != 0) return failed("make the version", code);
  GitCommit made;
  if (const int found = git_commit_lookup(made.out(), repository, &commit_id); found != 0)
    return failed("read the version", found);
  return describe(made.get());
}

Result<Commit> Repository::commit(const CommitWords& words) {
  const auto last = OCTO_TRY(newest());
  if (last && !words.operation.empty() && last->operation == words.operation) return *last;
  Index index;
  OCTO_TRY(impl_->stage_all(index));
  return impl_->commit_index(index, words);
}

Result<std::vector<Commit>> Repository::log(std::uint64_t offset, std::uint64_t limit) const {
  std::vector<Commit> commits;
  GitCommit at = OCTO_TRY(impl_->head());
  for (std::uint64_t i = 0; at.get() != nullptr && commits.size() < limit; ++i) {
    if (i >= offset) commits.push_back(describe(at.get()));
    if (git_commit_parentcount(at.get()) == 0) break;
    GitCommit parent;
    if (const int code = git_commit_parent(parent.out(), at.get(), 0); code != 0)
      return failed("read an older version", code);
    at = std::move(parent);
  }
  return commits;
}

Result<std::uint64_t> Repository::count() const {
  if (OCTO_TRY(impl_->head()).get() == nullptr) return 0;
  Walk walk;
  if (const int code = git_revwalk_new(walk.out(), impl_->repository); code != 0)
    return failed("count versions", code);
  git_revwalk_simplify_first_parent(walk.get());
  if (const int code = git_revwalk_push_head(walk.get()); code != 0) return failed("count versions", code);
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

Result<Commit> Repository::reset(const std::string& id, const CommitWords& words) {
  const auto last = OCTO_TRY(newest());
  if (last && !words.operation.empty() && last->operation == words.operation) return *last;
  git_oid target_id;
  GitCommit target;
  Tree tree;
  if (id.size() != GIT_OID_HEXSZ || git_oid_fromstr(&target_id, id.c_str()) != 0) {
    return fail(ErrorCode::invalid_argument, "{} is no id of a version", quote(id));
  }
  if (git_commit_lookup(target.out(), impl_->repository, &target_id) != 0)
    return fail(ErrorCode::not_found, "there is no version {} in {}", id, impl_->folder);
  if (const int code = git_commit_tree(tree.out(), target.get()); code != 0)
    return failed("read the version", code);
  if (OCTO_TRY(modified())) {
    OCTO_TRY(commit({fmt::format("before reset to {}", id.substr(0, 12)),
                     words.operation.empty() ? "" : words.operation + ".before", words.now}));
  }
  git_checkout_options options;
  git_checkout_options_init(&options, GIT_CHECKOUT_OPTIONS_VERSION);
  options.checkout_strategy = GIT_CHECKOUT_FORCE;
  options.disable_filters = 1;
  const int code =
      git_checkout_tree(impl_->repository, reinterpret_cast<const git_object*>(tree.get()), &options);
  if (code != 0) return failed(fmt::format("bring back version {}", id.substr(0, 12)), code);
  Index index;
  if (const int opened = git_repository_index(index.out(), impl_->repository); opened != 0)
    return failed("open the index", opened);
  if (const int read = git_index_read_tree(index.get(), tree.get()); read != 0)
    return failed("read the version", read);
  if (const int written = git_index_write(index.get()); written != 0)
    return failed("write the index", written);
  return impl_->commit_index(index, words);
}

Result<bool> Repository::modified() const {
  Index index;
  if (const int code = git_repository_index(index.out(), impl_->repository); code != 0)
    return failed("open the index", code);
  if (const int code = git_index_read(index.get(), 0); code != 0) return failed("read the index", code);
  for (const std::string& path : OCTO_TRY(changed_paths(impl_->repository, index.get(), impl_->folder))) {
    if (differs(index.get(), impl_->folder, path)) return true;
  }
  const GitCommit head = OCTO_TRY(impl_->head());
  if (head.get() == nullptr) return git_index_entrycount(index.get()) > 0;
  Tree tree;
  Diff diff;
  if (const int code = git_commit_tree(tree.out(), head.get()); code != 0)
    return failed("read the newest version", code);
  if (const int code =
          git_diff_tree_to_index(diff.out(), impl_->repository, tree.get(), index.get(), nullptr);
      code != 0) {
    return failed("compare with the newest version", code);
  }
  return git_diff_num_deltas(diff.get()) > 0;
}

}  // namespace octo::vcs
