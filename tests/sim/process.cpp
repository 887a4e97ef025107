// SPDX-License-Identifier: MIT
#include "process.hpp"

#include "handles.hpp"

namespace octo::sim {

namespace {

Process* at_work = nullptr;

// An executor whose work is done as one process.
class AsProcess {
 public:
  AsProcess(asio::io_context& loop, Process& process) : loop_(&loop), process_(&process) {}

  template <class Work>
  void execute(Work&& work) const {
    auto done_as = [process = process_, todo = std::forward<Work>(work)]() mutable {
      const As as(process);
      std::move(todo)();
    };
    const auto inner = loop_->get_executor();
    if (never_) asio::require(inner, asio::execution::blocking.never).execute(std::move(done_as));
    else inner.execute(std::move(done_as));
  }
  asio::execution_context& query(asio::execution::context_t) const noexcept { return *loop_; }
  AsProcess require(asio::execution::blocking_t::never_t) const { return with(true); }
  AsProcess require(asio::execution::blocking_t::possibly_t) const { return with(false); }
  friend bool operator==(const AsProcess&, const AsProcess&) noexcept = default;

 private:
  AsProcess with(bool never) const {
    AsProcess other = *this;
    other.never_ = never;
    return other;
  }
  asio::io_context* loop_;
  Process* process_;
  bool never_ = false;
};

}  // namespace

Process::Process(Kernel& on, pid_t number, Process* by, const Executor& executor)
    : kernel(on), pid(number), parent(by), ticks(0), changed(executor) {}
Process::~Process() = default;

Process* current() { return at_work; }
As::As(Process* process) : before_(std::exchange(at_work, process)) {}
As::~As() { at_work = before_; }
Executor executor_of(const Executor& loop, Process& process) {
  return AsProcess(static_cast<asio::io_context&>(asio::query(loop, asio::execution::context)), process);
}

Kernel::Kernel(Surface surface, MachineClock& clock, Witness& witness, std::string label, SeededRandom random)
    : surface_(surface),
      clock_(clock),
      witness_(witness),
      label_(std::move(label)),
      random_(random),
      nursery_(std::make_unique<Nursery>(surface.executor)) {}
Kernel::~Kernel() = default;

Process& Kernel::add(Process* parent) {
  Process& process = *all_.emplace_back(std::make_unique<Process>(*this, ++pids_, parent, surface_.executor));
  process.ticks = all_.size();
  living_.push_back(&process);
  if (parent != nullptr) parent->children.push_back(&process);
  return process;
}

void Kernel::execute(Process& process, std::function<int()> program) {
  process.fiber = std::make_unique<Fiber>([this, &process, program = std::move(program)] {
    if (process.over) return;  // before its first instruction
    try {
      const int code = program();
      if (!process.over) end(process, code << 8);
    } catch (const Killed&) {
    }
  });
  nursery_->spawn(drive(process));
}

Async<void> Kernel::drive(Process& process) {
  // Now and then a machine takes its time to begin with a program.
  co_await surface_.clock.sleep(random_.chance(0.05) ? random_.between(5ms, 500ms) : latency());
  while (!process.over) {
    {
      const As as(&process);
      process.fiber->resume();
    }
    if (process.over) break;
    co_await surface_.clock.wait_until(process.changed, process.wakes);
  }
}

void Kernel::pause(Instant when) {
  Process& process = *current();
  if (process.over) throw Killed{};
  process.wakes = when;
  process.fiber->pause();
  if (process.over) throw Killed{};
}

void Kernel::rest() {
  const Instant until = now() + random_.between(20us, 2ms);
  while (now() < until) pause(until);
}

void Kernel::end(Process& process, int status) {
  if (process.over) return;
  process.over = true;
  process.status = status;
  std::erase(living_, &process);
  // Its stack is unwound now; one that is at work unwinds when it comes to its next pause.
  if (process.fiber && &process != current() && !process.fiber->over()) {
    const As as(&process);
    process.fiber->resume();
  }
  if (process.on_end) process.on_end();
  for (Process* child : process.children) {
    if (status != 0 && child->on_orphaned) child->on_orphaned();
  }
  close_handles_of(process);
  process.changed.set();
  if (process.parent == nullptr) {
    for (Process* other : living_) other->changed.set();  // those that are tied to it
  }
  if (process.parent == nullptr || process.parent->over) return;
  process.parent->pending.insert(SIGCHLD);
  process.parent->changed.set();
}

void Kernel::signal(Process& process, int number) {
  if (process.over) return;
  if (number == SIGKILL) return end(process, SIGKILL);
  if (process.on_signal) return process.on_signal(number);
  process.pending.insert(number);
  process.changed.set();
}

void Kernel::power_off() {
  ++boot_;
  pids_ = 100;  // numbers come again after every boot
  while (!living_.empty()) end(*living_.back(), SIGKILL);
}

Async<void> Kernel::stop() {
  power_off();
  nursery_->cancel();
  co_await nursery_->join();
}

Process* Kernel::find(pid_t pid) const {
  for (Process* process : living_) {
    if (process->pid == pid) return process;
  }
  return nullptr;
}

std::vector<Witness::Start>& Kernel::witness_start(const RunId& run) {
  surface_.trace.add(fmt::format("{} starts {}", label_, local_name(run)));
  auto& starts = witness_.starts[run];
  starts.push_back({label_, now(), 0, 0, true});
  return starts;
}

std::string Kernel::boot_id() const { return fmt::format("{}-boot-{}", label_, boot_); }

}  // namespace octo::sim
