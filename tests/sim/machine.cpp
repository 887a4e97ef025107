// SPDX-License-Identifier: MIT
#include "machine.hpp"

#include "base/text.hpp"
#include "runs.hpp"

namespace octo::sim {

std::string print(const Program& program) {
  return fmt::format("sim {} {} {} {}", program.chunks, program.bytes,
                     std::chrono::floor<std::chrono::milliseconds>(program.pause).count(), program.exit_code);
}

Program parse_program(std::string_view text) {
  const auto words = split(text, ' ');
  const auto number = [&](std::size_t at) { return parse_number(words.at(at)).value_or(0); };
  return {static_cast<std::uint32_t>(number(1)), static_cast<std::uint32_t>(number(2)),
          std::chrono::milliseconds(number(3)), static_cast<int>(number(4))};
}

char output_at(const RunId& run, OutputStream stream, std::uint64_t offset) {
  const std::uint64_t salt = static_cast<std::uint8_t>(run.task.str().back()) + run.node.str().size() * 7 +
                             static_cast<std::uint8_t>(run.node.str().back());
  const std::uint64_t mixed = (offset + salt * 131) * 2654435761U + static_cast<std::uint64_t>(stream) * 97;
  return static_cast<char>('a' + (mixed >> 8) % 26);
}

// One life of the agent's process.
struct Machine::Agent {
  Agent(Machine& on, std::string instance_)
      : runs(on),
        instance(std::move(instance_)),
        verbs(
            {on.faults_.wrap(runs, on.journal_), workspace, host, on.clock_},
            [&] {
              tentacle::Surroundings around;
              around.name = on.setup_.node;
              return around;
            }(),
            on.surface_.executor),
        dialer(on.network_.dialer(on.setup_.label, on.setup_.node.str())),
        died(on.surface_.executor) {}
  SimRuns runs;
  NoWorkspace workspace;
  NoHost host;
  FixedAddress address;
  std::string instance;
  tentacle::Verbs verbs;
  std::unique_ptr<net::Dialer> dialer;
  bool dead = false;
  Event died;
};

Machine::Machine(Setup setup, Surface surface, Network& network, Witness& witness, NodeFaults& faults,
                 SeededRandom random)
    : setup_(std::move(setup)),
      surface_(surface),
      network_(network),
      witness_(witness),
      faults_(faults),
      random_(random),
      clock_(surface.clock),
      disk_(std::make_unique<Disk>(fmt::format("/sim/{}.0", setup_.label), random_.fork())),
      processes_(std::make_unique<Nursery>(surface.executor)),
      agents_(surface.executor) {}

Machine::~Machine() = default;

void Machine::start_agent() {
  if (agent_) return;
  auto instance = setup_.instance.empty() ? tentacle::load_instance(disk_->path(), random_) : setup_.instance;
  surface_.trace.add(fmt::format("{}: the agent starts", setup_.label));
  faults_.agent_starts(journal_);
  agent_ = std::make_shared<Agent>(*this, instance.value_or("unsaved"));
  agents_.spawn(live(agent_));
}

Async<void> Machine::live(std::shared_ptr<Agent> agent) {
  tentacle::BrainLink::Settings settings;
  settings.name = setup_.node;
  settings.version = "sim";
  settings.instance = agent->instance;
  settings.boot_id = fmt::format("{}", boot_);
  settings.folder = disk_->path();
  tentacle::BrainLink link(settings, agent->verbs, agent->address, *agent->dialer, clock_, random_);
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    nursery.spawn(link.run());
    while (!agent->dead) co_await agent->died.wait();
  });
  co_await agent->verbs.stop();
  co_await agent->runs.stop();
}

void Machine::kill_agent() {
  if (!agent_) return;
  surface_.trace.add(fmt::format("{}: the agent dies", setup_.label));
  network_.break_streams(setup_.label, Network::Told::brain);
  agent_->dead = true;
  agent_->died.set();
  agent_.reset();
}

Async<void> Machine::power_cut() {
  surface_.trace.add(fmt::format("{}: power cut", setup_.label));
  network_.break_streams(setup_.label, Network::Told::nobody);
  ++boot_;
  if (agent_) {
    agent_->dead = true;
    agent_->died.set();
    agent_.reset();
  }
  co_await agents_.join();
  processes_->cancel();
  co_await processes_->join();
  processes_ = std::make_unique<Nursery>(surface_.executor);
  disk_ = disk_->power_cut(fmt::format("/sim/{}.{}", setup_.label, ++disks_));
  std::erase_if(journal_, [this](const auto& entry) { return !entry.second.synced && random_.chance(0.5); });
  for (auto& [id, run] : journal_) {
    run.has_runner = false;
    if (run.end) continue;
    run.out = run.out_synced + random_.below(run.out - run.out_synced + 1);
    run.err = run.err_synced + random_.below(run.err - run.err_synced + 1);
  }
}

Async<void> Machine::reinstall() {
  co_await power_cut();
  surface_.trace.add(fmt::format("{}: reinstalled", setup_.label));
  journal_.clear();
  disk_ = std::make_unique<Disk>(fmt::format("/sim/{}.{}", setup_.label, ++disks_), random_.fork());
  setup_.instance.clear();
}

Async<void> Machine::stop() {
  if (agent_) {
    agent_->dead = true;
    agent_->died.set();
    agent_.reset();
  }
  co_await agents_.join();
  processes_->cancel();
  co_await processes_->join();
}

std::uint64_t Machine::epoch_seen() const {
  const auto file = disk_->find(disk_->path() + "/epoch");
  return file ? static_cast<std::uint64_t>(parse_number(file->bytes()).value_or(0)) : 0;
}

Event& Machine::changed(const RunId& id) {
  auto& event = changed_[id];
  if (!event) event = std::make_unique<Event>(surface_.executor);
  return *event;
}

void Machine::end(const RunId& id, RunEnd end) {
  RunRecord& run = journal_[id];
  if (run.end) return;
  run.synced = true;
  surface_.trace.add(fmt::format("{}: {} is {}", setup_.label, local_name(id), name_of(end.state)));
  run.has_runner = false;
  run.end = std::move(end);
  changed(id).set();
}

// The runner and its command. The claim and the witness are synced before anything else happens.
Async<void> Machine::run_process(RunId id, std::size_t boot) {
  co_await surface_.clock.sleep(latency());
  if (journal_[id].cancelled) {
    RunEnd never{.state = RunState::cancelled, .reason = "cancelled before it was started"};
    co_return end(id, std::move(never));
  }
  journal_[id].claimed = true;
  surface_.trace.add(fmt::format("{} starts {}", setup_.label, local_name(id)));
  auto& starts = witness_.starts[id];
  const std::size_t mine = starts.size();
  starts.push_back({setup_.label, surface_.clock.now(), 0, 0, true});
  struct Gone {
    Witness& witness;
    const RunId& run;
    std::size_t at;
    ~Gone() { witness.starts[run][at].alive = false; }
  } const gone{witness_, id, mine};
  co_await surface_.clock.sleep(latency());
  journal_[id].pid = ++pids_;
  changed(id).set();
  const Instant begun = surface_.clock.now();
  const Program program = parse_program(journal_[id].text);
  const bool finished = co_await compute(id, mine, program);
  co_await surface_.clock.sleep(latency());  // the spool is synced before the end is
  RunRecord& run = journal_[id];
  RunEnd how{.state = finished        ? program.exit_code == 0 ? RunState::succeeded : RunState::failed
                      : run.cancelled ? RunState::cancelled
                                      : RunState::timed_out};
  if (finished) how.exit_code = program.exit_code;
  how.out_bytes = run.out_synced = run.out;
  how.err_bytes = run.err_synced = run.err;
  how.lasted = surface_.clock.now() - begun;
  if (boot == boot_) end(id, std::move(how));
}

// False when it was ended before it was through.
Async<bool> Machine::compute(RunId id, std::size_t start, Program program) {
  const Instant begun = surface_.clock.now();
  for (std::uint32_t chunk = 0; chunk < program.chunks; ++chunk) {
    const Span pause =
        std::chrono::duration_cast<Span>(program.pause * (slow_ * random_.between(500ms, 1s) / 1s));
    co_await surface_.clock.sleep(pause);
    RunRecord& run = journal_[id];
    if (run.cancelled) co_return false;
    if (run.limit > Span::zero() && surface_.clock.now() - begun > run.limit) co_return false;
    const bool err = random_.chance(0.2);
    auto& truth = witness_.starts[id][start];
    (err ? run.err : run.out) += program.bytes;
    (err ? truth.err : truth.out) += program.bytes;
    if (random_.chance(0.1)) {
      run.out_synced = run.out;
      run.err_synced = run.err;
    }
    changed(id).set();
  }
  co_return true;
}

}  // namespace octo::sim
