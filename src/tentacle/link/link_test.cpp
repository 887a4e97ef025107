// SPDX-License-Identifier: MIT
// The link against a Brain that the test plays, over streams in memory.
#include "tentacle/link/link.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <filesystem>

#include "async/clock_testing.hpp"
#include "async/deadline.hpp"
#include "io/net/memory_stream.hpp"
#include "tentacle/work/ports_testing.hpp"

namespace octo::tentacle {
namespace {

const RunId kRun{TaskId("01ARZ3NDEKTSV4RRFFQ69G5FAV"), 0, NodeName("pi0"), 1};

// A run takes until the test decides what comes of it, as one whose runner is being started.
class SlowRuns final : public FakeRuns {
 public:
  explicit SlowRuns(const Executor& executor) : changed(executor) {}
  Async<Result<RunFacts>> start(const Start& start) override {
    const RunId id = start.id;
    starting.insert(id);
    ++starts_asked;
    changed.set();
    while (starting.contains(id)) co_await changed.wait();
    if (const auto facts = find(id)) co_return *facts;
    co_return fail(ErrorCode::exhausted, "no room for a process");
  }
  std::optional<RunFacts> find(const RunId& id) const override {
    return starting.contains(id) ? RunFacts() : FakeRuns::find(id);
  }
  Async<Result<void>> cancel(const RunId& id) override {
    if (!find(id)) co_return fail(ErrorCode::not_found, "no such run");
    co_return co_await FakeRuns::cancel(id);
  }
  std::vector<RunId> unacknowledged() const override {
    std::vector<RunId> ids = FakeRuns::unacknowledged();
    ids.insert(ids.end(), starting.begin(), starting.end());
    return ids;
  }
  Async<bool> begun(const RunId& id) override {
    const RunId run = id;
    while (starting.contains(run)) co_await changed.wait();
    co_return ends.contains(run);
  }

  void end_tied() override {
    FakeRuns::end_tied();
    changed.set();
  }

  // Nothing: it comes to nothing.
  void decide(const RunId& id, std::optional<RunEnd> end) {
    starting.erase(id);
    if (end) ends[id] = *end;
    changed.set();
  }
  std::set<RunId> starting;
  int starts_asked = 0;
  Event changed;
};

class SomeAddress final : public Addresses {
 public:
  Async<Result<net::Endpoint>> find_brain() override { co_return net::Endpoint{"brain", 1}; }
};

// The other end of each stream is for the Brain.
class MemoryDialer final : public net::Dialer {
 public:
  explicit MemoryDialer(const Executor& executor) : arrived(executor), executor_(executor) {}
  Async<Result<std::unique_ptr<net::Stream>>> dial(const net::Endpoint&,
                                                   const crypto::ExpectedPeer&) override {
    while (hangs) co_await arrived.wait();
    auto [here, there] = net::MemoryStream::make_pair(executor_);
    streams.push_back(std::move(there));
    arrived.set();
    co_return std::move(here);
  }
  std::deque<std::unique_ptr<net::Stream>> streams;
  Event arrived;
  bool hangs = false;

 private:
  Executor executor_;
};

// No pause before a dial.
class NoRandom final : public Random {
 public:
  Bytes bytes(std::size_t count) override { return Bytes(count, '\0'); }
};

// One session as the Brain has it.
struct BrainSide {
  BrainSide(Clock& clock, std::unique_ptr<net::Stream> stream, const Executor& executor)
      : link(clock, std::move(stream), {.side = wire::Side::brain, .silence_max = 45s}, executor),
        offered(executor) {}
  // Opens a stream with this message.
  Async<link::Channel> say(wire::FromBrain message) {
    auto channel = link.open(wire::Priority::control).value();
    EXPECT_TRUE(co_await channel.send(wire::encode(message)));
    co_return channel;
  }
  static Async<wire::FromNode> hear(link::Channel& channel) {
    const auto bytes = (co_await channel.receive()).value();
    co_return wire::decode_from_node(bytes.value()).value();
  }
  // Takes what the node opens.
  Async<void> serve() {
    while (auto channel = co_await link.accept()) {
      offers.push_back(std::move(*channel));
      offered.set();
    }
  }
  link::Link link;
  std::deque<link::Channel> offers;
  Event offered;
};

class BrainLinkTest : public testing::Test {
 protected:
  explicit BrainLinkTest(int times = 1) : clock_(loop_.get_executor(), times) {}
  void SetUp() override {
    char name[] = "/tmp/octo_link_XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // The body with the agent's end of the link under way, within ten seconds.
  void run(std::function<Async<void>(Nursery&)> body) {
    BrainLink::Settings settings;
    settings.name = kRun.node;
    settings.instance = "i";
    settings.folder = folder_;
    std::exception_ptr error;
    asio::co_spawn(
        loop_,
        [&]() -> Async<void> {
          BrainLink link(settings, verbs_, address_, dialer_, clock_, random_);
          const auto done = co_await with_deadline<bool>(
              clock_, 10s * clock_.times(), [](auto& inner, auto& on) -> Async<Result<bool>> {
                co_await in_nursery([&](Nursery& nursery) -> Async<void> {
                  nursery.spawn(on.run());
                  co_await inner(nursery);
                });
                co_return true;
              }(body, link));
          if (!done) ADD_FAILURE() << done.error().message();
          co_await verbs_.stop();
        },
        [&](std::exception_ptr e) { error = e; });
    loop_.run();
    if (error) std::rethrow_exception(error);
  }
  // The agent's next session, welcomed.
  Async<std::unique_ptr<BrainSide>> next_session(Nursery& nursery) {
    while (dialer_.streams.empty()) co_await dialer_.arrived.wait();
    auto brain = std::make_unique<BrainSide>(clock_, std::move(dialer_.streams.front()), nursery.executor());
    dialer_.streams.pop_front();
    nursery.spawn([](link::Link& on) -> Async<void> { (void)co_await on.run(); }(brain->link));
    EXPECT_EQ((co_await brain->link.hello()).value().name, "pi0");
    wire::Welcome welcome;
    welcome.epoch = 1;
    welcome.heartbeat = 10s;
    brain->link.welcome(welcome);
    nursery.spawn(brain->serve());
    co_return brain;
  }
  // A session that orders the run and is lost while the run is being started.
  Async<void> lose_session_of_a_start(Nursery& nursery) {
    const auto brain = co_await next_session(nursery);
    const auto order =
        co_await brain->say(wire::StartRun{{kRun, ExecOrder{.text = "true"}}, 60s, clock_.now()});
    while (!runs_.starting.contains(kRun)) co_await runs_.changed.wait();
    brain->link.goodbye(Error(ErrorCode::unavailable, "the Brain is killed"));
    while (dialer_.streams.empty()) co_await dialer_.arrived.wait();
  }
  static RunEnd cancelled() { return {.state = RunState::cancelled, .reason = "cancelled before its start"}; }

  std::string folder_;
  asio::io_context loop_;
  FastClock clock_;
  SlowRuns runs_{loop_.get_executor()};
  FakeWorkspace workspace_{loop_.get_executor()};
  FakeHost host_;
  Verbs verbs_{{runs_, workspace_, host_, clock_}, {.name = NodeName("pi0")}, loop_.get_executor()};
  SomeAddress address_;
  MemoryDialer dialer_{loop_.get_executor()};
  NoRandom random_;
};

TEST_F(BrainLinkTest, ARunThatIsBeingStartedWhenItsSessionEndsIsToldOfOnTheNext) {
  run([this](Nursery& nursery) -> Async<void> {
    co_await lose_session_of_a_start(nursery);
    const auto brain = co_await next_session(nursery);
    // A Brain that wants it no more does not repeat the order: it only ends it.
    auto cancel = co_await brain->say(wire::CancelRun{kRun});
    EXPECT_TRUE(std::holds_alternative<wire::Done>(co_await BrainSide::hear(cancel)));
    EXPECT_TRUE(brain->offers.empty()) << "whether it begins is not decided";
    runs_.decide(kRun, cancelled());
    while (brain->offers.empty()) co_await brain->offered.wait();
    link::Channel& offer = brain->offers.front();
    EXPECT_EQ(std::get<wire::ResumeRun>(co_await BrainSide::hear(offer)).run, kRun);
    EXPECT_TRUE(co_await offer.send(wire::encode(wire::FromBrain(wire::RunAck{}))));
    EXPECT_EQ(std::get<wire::RunEnded>(co_await BrainSide::hear(offer)).end.state, RunState::cancelled);
  });
}

TEST_F(BrainLinkTest, AStartThatComesToNothingIsNotOffered) {
  run([this](Nursery& nursery) -> Async<void> {
    co_await lose_session_of_a_start(nursery);
    const auto brain = co_await next_session(nursery);
    auto order = co_await brain->say(wire::StartRun{{kRun, ExecOrder{.text = "true"}}, 60s, clock_.now()});
    while (runs_.starts_asked < 2) co_await runs_.changed.wait();
    runs_.decide(kRun, std::nullopt);
    EXPECT_EQ(std::get<wire::Failed>(co_await BrainSide::hear(order)).error.code(), ErrorCode::exhausted);
    auto cancel = co_await brain->say(wire::CancelRun{kRun});
    EXPECT_EQ(std::get<wire::Failed>(co_await BrainSide::hear(cancel)).error.code(), ErrorCode::not_found);
    EXPECT_TRUE(brain->offers.empty());
  });
}

TEST_F(BrainLinkTest, ARunIsToldOfOnOneStreamThoughItIsOrderedAgain) {
  run([this](Nursery& nursery) -> Async<void> {
    co_await lose_session_of_a_start(nursery);
    const auto brain = co_await next_session(nursery);
    auto order = co_await brain->say(wire::StartRun{{kRun, ExecOrder{.text = "true"}}, 60s, clock_.now()});
    while (runs_.starts_asked < 2) co_await runs_.changed.wait();
    runs_.decide(kRun, cancelled());
    const bool on_order = (co_await order.receive()).value().has_value();
    auto status = co_await brain->say(wire::AskStatus{});
    (void)co_await BrainSide::hear(status);
    EXPECT_EQ(brain->offers.size(), on_order ? 0U : 1U);
  });
}

class LostBrainTest : public BrainLinkTest {
 protected:
  LostBrainTest() : BrainLinkTest(100) {}
};

TEST_F(LostBrainTest, TiedRunsEndWhenTheBrainCallsTheNodeOfflineWhateverIsTriedMeanwhile) {
  run([this](Nursery& nursery) -> Async<void> {
    const auto brain = co_await next_session(nursery);
    dialer_.hangs = true;
    const Instant lost = clock_.now();
    brain->link.goodbye(Error(ErrorCode::unavailable, "the Brain is killed"));
    while (runs_.ends_of_tied == 0) co_await runs_.changed.wait();
    EXPECT_GE(clock_.now() - lost, limits::offline_after - 5s) << "it may have been heard a moment before";
  });
}

}  // namespace
}  // namespace octo::tentacle
