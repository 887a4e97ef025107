// SPDX-License-Identifier: MIT
// LocalRuns: the journal of runs on this node, their runners and their output (spec/run-record.md).
//
// Life: open() recovers what an earlier agent left, serve, then co_await stop() before it dies. Runners and
// their commands go on without it, and the next open() adopts them.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "async/clock.hpp"
#include "async/event.hpp"
#include "async/nursery.hpp"
#include "async/workers.hpp"
#include "domain/limits.hpp"
#include "io/files/files.hpp"
#include "io/process/process.hpp"
#include "runner/format.hpp"
#include "tentacle/runs/runners.hpp"
#include "tentacle/work/ports.hpp"

namespace octo::tentacle {

class LocalRuns final : public Runs {
 public:
  static constexpr std::size_t running_max = 1000;  // each is a supervisor and a command: more is a mistake
  static constexpr std::size_t tombstones_max = 4096;  // a repeated order is hours old at most; a folder each
  static constexpr std::uint64_t kept_bytes_max =
      256ULL * 1024 * 1024;  // output of ended runs that the Brain does not have
  static constexpr std::size_t news_bytes_max = 256 * 1024;  // what one listener holds in memory

  enum class UseCgroups { where_found, never };
  // Of each stream of a run: its first and at least its last bytes; what lies between may go.
  struct Kept {
    std::uint64_t head_bytes = limits::output_head_bytes;
    std::uint64_t tail_bytes = limits::output_tail_bytes;
  };
  struct Setup {
    std::string folder;  // absolute; one agent at a time
    NodeName node;
    Runners& runners;
    Clock& clock;
    Workers& workers;
    UseCgroups cgroups = UseCgroups::where_found;
    Kept kept;
  };
  static Async<Result<std::unique_ptr<LocalRuns>>> open(Setup setup);
  Async<Result<RunFacts>> start(const Start& start) override;
  Async<Result<void>> record(const RunId& id, const RunEnd& end) override;
  std::optional<RunFacts> find(const RunId& id) const override;
  Async<Result<News>> next(const RunId& id, const OutputMark& from) override;
  void set_flow(const RunId& id, OutputFlow flow) override;
  void end_tied() override;
  Async<Result<void>> commit(const RunId& id, const StartAt& start) override;
  Async<Result<void>> go(const RunId& id) override;
  Async<Result<void>> call_off(const RunId& id, const std::string& reason) override;
  Async<Result<void>> cancel(const RunId& id) override;
  Async<Result<void>> acknowledge(const RunId& id, const OutputMark& durable, bool end_durable) override;
  std::vector<RunId> unacknowledged() const override;
  Async<bool> begun(const RunId& id) override;

  Async<void> stop();

 private:
  struct Run;
  LocalRuns(Setup setup, files::FolderLock lock, std::unique_ptr<Wakes> wakes, Executor executor);
  std::shared_ptr<Run> add(const RunId& id);
  Result<std::shared_ptr<Run>> get_together(const RunId& id) const;
  void load(const std::vector<std::string>& names);
  Result<std::unique_ptr<Runner>> begin(const std::string& folder, const runner::Intent& intent,
                                        const ExecOrder& order);
  std::string cgroup_of(const RunId& id) const;  // "" where the host has none for us
  Async<void> launch(std::shared_ptr<Run> run, Start start);
  Async<void> follow(std::shared_ptr<Run> run);
  Async<void> watch(Run& run);
  Async<void> look(Run& run);
  Async<void> settle_run(Run& run);
  Async<void> leave_cgroup(Run& run);
  void end(Run& run, RunEnd end, std::uint64_t kept_bytes);
  void acknowledged(Run& run);
  Async<void> hear();
  void heard(std::string_view message);
  void take_armed(Run& run);
  Async<void> keep_house();
  Async<void> tidy();
  std::string folder_of(const RunId& id) const;

  Setup setup_;
  files::FolderLock lock_;
  std::optional<process::Cgroups> cgroups_;
  std::unique_ptr<Wakes> wakes_;
  std::map<RunId, std::shared_ptr<Run>> runs_;
  std::uint64_t kept_bytes_ = 0;
  std::size_t tombstones_ = 0;
  Event house_;  // more is kept than may be
  Nursery nursery_;
};

}  // namespace octo::tentacle
