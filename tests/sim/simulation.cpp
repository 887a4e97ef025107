// SPDX-License-Identifier: MIT
#include "simulation.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>

#include "agent.hpp"
#include "base/expects.hpp"
#include "brain/blobs/blobs.hpp"
#include "brain/blobs/event_log.hpp"
#include "brain/fleet/fleet.hpp"
#include "brain/ledger/ledger.hpp"
#include "brain/work/verbs.hpp"
#include "domain/limits.hpp"
#include "io/files/files.hpp"

namespace octo::sim {

namespace {

constexpr Span kVirtualDeadline = 30min;
const std::vector<std::string> kNodes = {"pi0", "pi1"};
constexpr std::string_view kText = "hello from a simulated process";

// A folder on the real disk for the Brain's ledger and logs, gone afterwards. No path of it reaches the
// trace.
class Folder {
 public:
  Folder() {
    std::string name = "/tmp/octopoda-sim.XXXXXX";
    OCTO_EXPECTS(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { (void)files::remove_tree(path); }
  std::string path;
};

struct World {
  explicit World(std::uint64_t seed)
      : executor(loop.get_executor()),
        random(seed),
        clock(executor),
        trace(clock),
        network(clock, random, trace, executor) {}

  asio::io_context loop{1};
  Executor executor;
  SeededRandom random;
  VirtualClock clock;
  Trace trace;
  Network network;
  InlineWorkers workers;
  Folder folder;
  std::map<std::string, Disk> disks;
};

Async<void> agent(World& world, const std::string& node) {
  SimRuns runs(world.disks[node], world.clock, world.random, world.trace, world.executor);
  NoWorkspace workspace;
  NoHost host;
  FixedAddress address;
  const Folder folder;
  const auto dialer = world.network.dialer(node);
  tentacle::Surroundings surroundings;
  surroundings.name = NodeName(node);
  tentacle::Verbs verbs({runs, workspace, host, world.clock}, surroundings, world.executor);
  tentacle::BrainLink::Settings settings;
  settings.name = NodeName(node);
  settings.version = "sim";
  settings.instance = node;
  settings.boot_id = "sim";
  settings.folder = folder.path;
  tentacle::BrainLink link(settings, verbs, address, *dialer, world.clock, world.random);
  struct Ending {
    std::exception_ptr error;
  } ending;
  try {
    co_await link.run();
  } catch (...) {  // cancelled: the simulation is over; what the agent owns ends first
    ending.error = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await verbs.stop();
  co_await runs.stop();
  if (ending.error) std::rethrow_exception(ending.error);
}

Async<void> cut_once(World& world) {
  const std::string node = kNodes[world.random.number() % kNodes.size()];
  co_await world.clock.sleep(world.random.between(1s, 1400ms));  // while the command runs, see story()
  world.network.cut(node);
  co_await world.clock.sleep(world.random.between(100ms, 20s));
  world.network.mend(node);
}

Async<void> listen(brain::Verbs& verbs, const TaskId& task, World& world, Outcome& outcome) {
  auto listener = co_await verbs.listen(task, 1);
  if (!listener) co_return;
  while (true) {
    auto events = co_await (*listener)->next();
    if (!events || events->empty()) co_return;
    for (const TaskEvent& event : *events) {
      world.trace.add(
          fmt::format("event {} {} {} {}", event.number, name_of(event.kind), event.run.id.node,
                      event.kind == TaskEvent::Kind::state ? name_of(event.run.state) : event.output.bytes));
      if (event.kind == TaskEvent::Kind::output)
        outcome.output[event.run.id.node.str()] += event.output.bytes;
      if (event.kind == TaskEvent::Kind::done) outcome.finished = true;
    }
    if (outcome.finished) co_return;
  }
}

Async<void> story(World& world, brain::Verbs& verbs, brain::Fleet& fleet, Outcome& outcome) {
  while (fleet.all().size() < kNodes.size()) co_await world.clock.sleep(10ms);
  co_await world.clock.sleep(1s);
  const TaskId task = verbs.make_task_id();
  brain::CommandRequest request;
  request.order.text = fmt::format("echo {}", kText);
  for (const std::string& node : kNodes) request.nodes.emplace_back(node);
  request.deadline = limits::delivery_deadline;
  request.title = request.order.text;
  request.request = "{}";
  const brain::Stamp stamp{{"sim", Group("")}, "task.start", task.str(), world.clock.wall(), std::nullopt};
  const auto started = co_await verbs.run_command(task, std::move(request), stamp);
  world.trace.add(started ? "accepted" : started.error().message());
  if (!started) co_return;
  co_await listen(verbs, task, world, outcome);
  const auto stored = co_await verbs.find_task(task);
  if (!stored || !*stored) co_return;
  for (const RunRow& run : (*stored)->runs) outcome.runs[run.id.node.str()] = run;
}

Async<void> play(World& world, Outcome& outcome) {
  auto ledger = brain::SqliteLedger::open(world.folder.path, world.workers, world.executor).value();
  const auto events = brain::FileEventLog::open(world.folder.path, world.workers).value();
  const auto blobs = brain::ChunkBlobs::open(world.folder.path, world.workers).value();
  auto verbs = (co_await brain::Verbs::open({nullptr, *ledger, *events, *blobs, world.clock, world.random},
                                            world.executor))
                   .value();
  brain::LinkFleet fleet({"brain", "sim", ledger->epoch()}, verbs->fleet_events(), *blobs, world.clock,
                         world.executor);
  verbs->set_fleet(fleet);
  const auto listener = world.network.listen("brain");
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    nursery.spawn(fleet.serve(*listener));
    for (const std::string& node : kNodes) nursery.spawn(agent(world, node));
    nursery.spawn(cut_once(world));
    co_await story(world, *verbs, fleet, outcome);
  });
  co_await verbs->stop();
  co_await ledger->close();
}

}  // namespace

Outcome simulate(std::uint64_t seed) {
  World world(seed);
  Outcome outcome;
  bool over = false;
  std::exception_ptr failed;
  asio::co_spawn(world.loop, play(world, outcome), [&](std::exception_ptr error) {
    failed = error;
    over = true;
  });
  while (!over) {
    world.loop.restart();
    if (world.loop.poll() > 0) continue;
    if (!world.clock.advance() || world.clock.now().time_since_epoch() > kVirtualDeadline) {
      // Nothing can happen any more, or it takes for ever: told as it is, by outcome.finished.
      world.trace.add("stuck");
      std::fputs(world.trace.text().c_str(), stderr);
      std::abort();
    }
  }
  if (failed) std::rethrow_exception(failed);
  outcome.trace = world.trace.text();
  for (const auto& [node, disk] : world.disks) outcome.witness[node] = disk.witness;
  return outcome;
}

std::vector<std::string> violations(const Outcome& outcome) {
  std::vector<std::string> found;
  if (!outcome.finished) found.push_back("the task never finished");
  for (const std::string& node : kNodes) {
    const auto run = outcome.runs.find(node);
    if (run == outcome.runs.end()) {
      found.push_back(node + ": no outcome");
      continue;
    }
    const auto starts = outcome.witness.contains(node) ? outcome.witness.at(node).size() : 0;
    if (run->second.state != RunState::succeeded)
      found.push_back(node + ": " + std::string(name_of(run->second.state)));
    if (starts != 1) found.push_back(fmt::format("{}: started {} times", node, starts));
    const std::string output = outcome.output.contains(node) ? outcome.output.at(node) : "";
    if (output != std::string(kText) + "\n")
      found.push_back(fmt::format("{}: output {}", node, quote(output)));
  }
  return found;
}

}  // namespace octo::sim
