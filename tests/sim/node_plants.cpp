// SPDX-License-Identifier: MIT
// What is planted on nodes: at ports of the journal, and in what the machine's disk and locks tell.
#include <algorithm>

#include "forwarding.hpp"
#include "plants.hpp"
#include "runner/format.hpp"

namespace octo::sim {

namespace {

// A file of a run's output.
bool is_spool(const std::string& path) {
  return runner::parse_segment_name(path.substr(path.rfind('/') + 1)).has_value();
}

// A node takes a repeated order for a new one.
class RepeatedStart final : public NodeFaults {
  class Eager final : public ForwardingRuns {
   public:
    Eager(tentacle::Runs& to, tentacle::Runners& runners, Machine& machine)
        : ForwardingRuns(to), runners_(runners), disk_(machine.disk()) {}
    std::optional<tentacle::RunFacts> find(const RunId&) const override { return std::nullopt; }
    Async<Result<tentacle::RunFacts>> start(const Start& start) override {
      if (const auto known = to_.find(start.id); known && known->end) start_again(start);
      return to_.start(start);
    }

   private:
    // In another folder, where no claim is yet.
    void start_again(const Start& start) {
      const std::string folder = fmt::format("{}/again.{}", disk_.path(), ++again_);
      disk_.make(folder, File::Kind::folder);
      const runner::Intent intent{
          .run = local_name(start.id), .node = start.id.node.str(), .text = start.order.text};
      disk_.make(folder + "/" + runner::kIntentFile)->write(0, runner::encode(intent));
      (void)runners_.start(folder, -1);
    }
    tentacle::Runners& runners_;
    Disk& disk_;
    int again_ = 0;
  };
  tentacle::Runners& wrap(tentacle::Runners& runners) override { return *(runners_ = &runners); }
  tentacle::Runs& wrap(tentacle::Runs& runs, Machine& machine) override {
    return made_.add(runs, *runners_, machine);
  }
  tentacle::Runners* runners_ = nullptr;
  Wrappers<Eager> made_;
};

// The journal does not outlive its agent.
class ForgetfulJournal final : public NodeFaults {
  void agent_starts(Disk& disk) override {
    const std::string runs = disk.path() + "/runs";
    for (const std::string& name : disk.list(runs)) {
      const std::string folder = runs + "/" + name;
      const auto record = disk.find(folder + "/" + runner::kRecordFile);
      if (!disk.is_folder(folder) || (record && record->locker() != nullptr)) continue;
      for (const std::string& inside : disk.list(folder)) disk.remove(folder + "/" + inside);
      disk.remove(folder);
    }
  }
};

// A claim is not synced before the start.
class UnsyncedClaim final : public NodeFaults {
  int judge(DiskOp op, const std::string& path) override {
    return op == DiskOp::sync && path.ends_with("/claim") ? DiskFaults::kLie : 0;
  }
};

// A run's folder is made, and its name is not synced.
class UnsyncedFolder final : public NodeFaults {
  int judge(DiskOp op, const std::string& path) override {
    return op == DiskOp::sync_folder && path.ends_with("/runs") ? DiskFaults::kLie : 0;
  }
};

// A runner starts its command although the claim is another's.
class StartWithoutClaim final : public NodeFaults {
  bool excludes(const std::string& path) override { return !path.ends_with("/claim"); }
};

// A runner that lives is taken for dead.
class UnseenRunner final : public NodeFaults {
  bool sees_locks(const std::string&) override { return false; }
};

// Output is read on from where it was sent, not from where the Brain has it.
class SentOffset final : public ForwardingRuns {
 public:
  using ForwardingRuns::ForwardingRuns;
  Async<Result<News>> next(const RunId& id_, const OutputMark& from) override {
    const RunId id = id_;
    OutputMark mark = sent_[id];
    mark = {std::max(mark.out, from.out), std::max(mark.err, from.err), std::max(mark.note, from.note)};
    auto news = co_await to_.next(id, mark);
    if (!news) co_return news;
    for (const OutputPiece& piece : news->pieces)
      sent_[id].of(piece.stream) = piece.offset + piece.bytes.size();
    co_return news;
  }

 private:
  std::map<RunId, OutputMark> sent_;
};

// Every ninth piece of output is not kept, and not counted.
class LostPiece final : public NodeFaults {
  int judge(DiskOp op, const std::string& path) override {
    return op == DiskOp::write && is_spool(path) && ++writes_ % 9 == 0 ? DiskFaults::kLie : 0;
  }
  int writes_ = 0;
};

// An end is durable before the output is.
class UnsyncedSpool final : public NodeFaults {
  int judge(DiskOp op, const std::string& path) override {
    return op == DiskOp::sync && is_spool(path) ? DiskFaults::kLie : 0;
  }
};

// A run is forgotten once its end is sent, not once it is acknowledged.
class ForgottenWhenSent final : public ForwardingRuns {
 public:
  using ForwardingRuns::ForwardingRuns;
  Async<Result<News>> next(const RunId& id_, const OutputMark& from) override {
    const RunId id = id_;
    auto news = co_await to_.next(id, from);
    if (news && news->facts.end) (void)co_await to_.acknowledge(id, {}, true);
    co_return news;
  }
};

// Every third signal does not reach its runner.
class LostSignal final : public NodeFaults {
  struct Deaf final : tentacle::Runner {
    Deaf(std::unique_ptr<tentacle::Runner> runner, int& count) : to(std::move(runner)), signals(count) {}
    Result<void> cancel() override { return ++signals % 3 == 0 ? Result<void>{} : to->cancel(); }
    Result<void> nudge() override { return to->nudge(); }
    Async<std::optional<int>> wait() override { return to->wait(); }
    std::unique_ptr<tentacle::Runner> to;
    int& signals;
  };
  class Deafening final : public tentacle::Runners {
   public:
    Deafening(tentacle::Runners& to, int& signals) : to_(to), signals_(signals) {}
    Result<std::unique_ptr<tentacle::Runner>> start(const std::string& folder, int secrets) override {
      return std::make_unique<Deaf>(OCTO_TRY(to_.start(folder, secrets)), signals_);
    }
    Result<std::unique_ptr<tentacle::Runner>> hold(pid_t pid) override {
      return std::make_unique<Deaf>(OCTO_TRY(to_.hold(pid)), signals_);
    }
    Result<std::unique_ptr<tentacle::Wakes>> listen(const std::string& path) override {
      return to_.listen(path);
    }

   private:
    tentacle::Runners& to_;
    int& signals_;
  };
  tentacle::Runners& wrap(tentacle::Runners& runners) override { return made_.add(runners, signals_); }
  int signals_ = 0;
  Wrappers<Deafening> made_;
};

// Runs that are tied go on without their Brain.
class UntiedFromBrain final : public ForwardingRuns {
 public:
  using ForwardingRuns::ForwardingRuns;
  void end_tied() override {}
};

constexpr MakePlant kNodePlants[] = {
    [] { return plant<RepeatedStart>("a repeated order that starts again"); },
    [] { return plant<ForgetfulJournal>("a journal that dies with the agent"); },
    [] { return plant<UnsyncedClaim>("a claim that is not synced"); },
    [] { return plant<UnsyncedFolder>("a run's folder that is not synced"); },
    [] { return plant<StartWithoutClaim>("a start without the claim"); },
    [] { return plant<UnseenRunner>("a living runner taken for dead"); },
    [] { return plant<SentOffset>("output read on from where it was sent"); },
    [] { return plant<LostPiece>("dropped output that is not counted"); },
    [] { return plant<UnsyncedSpool>("an end before its output"); },
    [] { return plant<ForgottenWhenSent>("a run forgotten when its end is sent"); },
    [] { return plant<LostSignal>("a signal that does not reach its runner"); },
    [] { return plant<UntiedFromBrain>("a tie that does not end with the Brain"); },
};

}  // namespace

std::span<const MakePlant> node_plants() { return kNodePlants; }

}  // namespace octo::sim
