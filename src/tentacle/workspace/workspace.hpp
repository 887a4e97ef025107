// SPDX-License-Identifier: MIT
// GitWorkspace: the Workspace port on a file system and git. See README.md.
#pragma once
#include <memory>
#include <set>
#include <string>

#include "async/event.hpp"
#include "async/workers.hpp"
#include "tentacle/work/ports.hpp"

namespace octo::tentacle {

class GitWorkspace final : public Workspace {
 public:
  // `root`: absolute; made when absent. What an agent before was killed in is finished: a removal, a switch
  // of files, a reset. So no other agent may be working in `root`. Blocking.
  static Result<std::unique_ptr<GitWorkspace>> open(std::string root, Workers& workers, Executor executor);

  std::string root() const override { return root_; }
  Result<std::string> folder_of(const AppAt& app) const override;
  Async<Result<void>> sync(const SyncOrder& order, Source& source) override;
  Async<Result<NodeAppVersion>> commit(const CommitOrder& order, const Operation& operation) override;
  Async<Result<NodeAppVersion>> reset(const ResetOrder& order, const Operation& operation) override;
  Async<Result<void>> remove(const RemoveOrder& order) override;
  Async<Result<std::vector<NodeAppInfo>>> apps() override;
  Async<Result<NodeAppInfo>> app(const AppAt& app, std::uint64_t offset, std::uint64_t limit) override;

 private:
  class Turn;  // one change at a time per nodeapp
  GitWorkspace(std::string root, Workers& workers, Executor executor);
  Async<Turn> take(AppAt app);
  std::string path_of(const AppAt& app) const;
  std::string aside() const;
  Result<void> finish_interrupted() const;
  Result<std::string> make_folder(const AppAt& app) const;
  Result<void> remove_folder(const AppAt& app) const;
  Result<NodeAppInfo> describe(const AppAt& app, std::uint64_t offset, std::uint64_t limit) const;

  std::string root_;
  Workers& workers_;
  std::set<AppAt> taken_;
  Event freed_;
};

}  // namespace octo::tentacle
