// SPDX-License-Identifier: MIT
// libgit2 with what standins.cpp put in the place of parts of it.
#include <git2.h>

#include "io/vcs/libgit.hpp"
#include "io/vcs/vcs_testing.hpp"

namespace octo::vcs {

using RawRepository = Handle<git_repository, git_repository_free>;
using Config = Handle<git_config, git_config_free>;
using Entries = Handle<git_config_iterator, git_config_iterator_free>;
using Remote = Handle<git_remote, git_remote_free>;
using Object = Handle<git_object, git_object_free>;
using RawCommit = Handle<git_commit, git_commit_free>;
using RawTree = Handle<git_tree, git_tree_free>;
using Diff = Handle<git_diff, git_diff_free>;
using Patch = Handle<git_patch, git_patch_free>;

class StandinsTest : public VcsTest {
 protected:
  // Two versions; libgit2 is started by the first.
  void SetUp() override {
    VcsTest::SetUp();
    write(".gitattributes", "*.py diff=python\n");
    write("a.py", "import os\n\ndef first(a):\n  one = 1\n  two = 2\n  three = 3\n  four = 4\n  return a\n");
    auto repository = Repository::open(folder).value();
    older_ = repository->commit(words("the first", "op1")).value().id;
    write("a.py", "import os\n\ndef first(a):\n  one = 1\n  two = 2\n  three = 3\n  four = 4\n  return 2\n");
    newer_ = repository->commit(words("Second of them", "op2")).value().id;
    ASSERT_EQ(git_repository_open_ext(raw_.out(), folder.c_str(), GIT_REPOSITORY_OPEN_NO_SEARCH, nullptr), 0);
  }
  std::string found(const std::string& spec) {
    Object object;
    if (git_revparse_single(object.out(), raw_.get(), spec.c_str()) != 0) return "(none)";
    return git_oid_tostr_s(git_object_id(object.get()));
  }
  RawTree tree_of(const std::string& id) {
    git_oid oid;
    RawCommit commit;
    RawTree tree;
    EXPECT_EQ(git_oid_fromstr(&oid, id.c_str()), 0);
    EXPECT_EQ(git_commit_lookup(commit.out(), raw_.get(), &oid), 0);
    EXPECT_EQ(git_commit_tree(tree.out(), commit.get()), 0);
    return tree;
  }
  RawRepository raw_;
  std::string older_;
  std::string newer_;
};

TEST_F(StandinsTest, NamesOfSettingsAreFoundByPattern) {
  write("settings",
        "[submodule \"x\"]\n path = a\n url = b\n[submodule \"y\"]\n path = c\n[core]\n path = d\n");
  Config config;
  Entries entries;
  ASSERT_EQ(git_config_open_ondisk(config.out(), (folder + "/settings").c_str()), 0);
  ASSERT_EQ(git_config_iterator_glob_new(entries.out(), config.get(), "submodule\\..*\\.path"), 0);
  std::vector<std::string> names;
  git_config_entry* entry = nullptr;
  while (git_config_next(&entry, entries.get()) == 0) names.emplace_back(entry->name);
  EXPECT_EQ(names, (std::vector<std::string>{"submodule.x.path", "submodule.y.path"}));
}

TEST_F(StandinsTest, APatternThatIsNoneIsRefusedWithItsReason) {
  write("settings", "");
  Config config;
  Entries entries;
  ASSERT_EQ(git_config_open_ondisk(config.out(), (folder + "/settings").c_str()), 0);
  EXPECT_LT(git_config_iterator_glob_new(entries.out(), config.get(), "a(b"), 0);
  ASSERT_NE(git_error_last(), nullptr);
  EXPECT_EQ(git_error_last()->klass, GIT_ERROR_REGEX);
  EXPECT_NE(std::string_view(git_error_last()->message), "");
}

TEST_F(StandinsTest, VersionsAreFoundByTheirWords) {
  EXPECT_EQ(found("HEAD^{/first}"), older_);
  EXPECT_EQ(found("HEAD^{/^Sec.*them}"), newer_);
  EXPECT_EQ(found("HEAD^{/third}"), "(none)");
}

TEST_F(StandinsTest, ADriverFindsTheFunctionThatAChangeIsIn) {
  const RawTree before = tree_of(older_);
  const RawTree after = tree_of(newer_);
  Diff diff;
  ASSERT_EQ(git_diff_tree_to_tree(diff.out(), raw_.get(), before.get(), after.get(), nullptr), 0);
  ASSERT_EQ(git_diff_num_deltas(diff.get()), 1U);
  Patch patch;
  ASSERT_EQ(git_patch_from_diff(patch.out(), diff.get(), 0), 0);
  const git_diff_hunk* hunk = nullptr;
  ASSERT_EQ(git_patch_get_hunk(&hunk, nullptr, patch.get(), 0), 0);
  EXPECT_NE(std::string_view(hunk->header, hunk->header_len).find("def first(a):"), std::string_view::npos)
      << hunk->header;
}

TEST_F(StandinsTest, NothingIsFetchedFromAnywhere) {
  for (const std::string& url : {std::string("https://127.0.0.1:1/x"), std::string("ssh://127.0.0.1:1/x"),
                                 std::string("git://127.0.0.1:1/x"), folder}) {
    Remote remote;
    ASSERT_EQ(git_remote_create_detached(remote.out(), url.c_str()), 0);
    EXPECT_LT(git_remote_connect(remote.get(), GIT_DIRECTION_FETCH, nullptr, nullptr, nullptr), 0) << url;
    ASSERT_NE(git_error_last(), nullptr);
    EXPECT_NE(std::string_view(git_error_last()->message).find("there is no transport"),
              std::string_view::npos)
        << url << ": " << git_error_last()->message;
  }
}

}  // namespace octo::vcs
