// SPDX-License-Identifier: MIT
// What the files of this room share of a Repository. Private to the room.
#pragma once
#include <string>

#include "io/vcs/libgit.hpp"
#include "io/vcs/vcs.hpp"

struct git_commit;
struct git_index;
struct git_oid;
struct git_repository;
struct git_tree;
extern "C" {
void git_commit_free(git_commit*);
void git_index_free(git_index*);
void git_odb_free(git_odb*);
void git_tree_free(git_tree*);
}

namespace octo::vcs {

using GitCommit = Handle<git_commit, git_commit_free>;
using Index = Handle<git_index, git_index_free>;
using Odb = Handle<git_odb, git_odb_free>;
using Tree = Handle<git_tree, git_tree_free>;

struct Repository::Impl {
  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  // No commit yet is no error.
  Result<GitCommit> head() const;
  Result<GitCommit> find(const std::string& id) const;
  // What is in it can be found out again: one that a power cut left unreadable (libgit2 does not sync it) is
  // made anew.
  Result<Index> open_index() const;
  Result<void> write_index(const Index& index) const;
  // Everything that differs goes into the index; one commit holds it, then HEAD names that.
  Result<Commit> commit_all(const CommitWords& words) const;
  Result<Commit> commit_tree(const git_oid& tree, const CommitWords& words, Batch& batch) const;

  git_repository* repository = nullptr;
  std::string folder;
};

}  // namespace octo::vcs
