// SPDX-License-Identifier: MIT
#include "io/link/link.hpp"

#include <array>
#include <list>
#include <unordered_map>

#include "async/event.hpp"

namespace octo::link {

namespace {
constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kWriteBytes = 64 * 1024;  // gathered into one write
}  // namespace

struct Channel::State {
  State(std::shared_ptr<Link::State> on, wire::StreamId id_, Executor executor)
      : link(std::move(on)), id(id_), changed(std::move(executor)) {}
  std::shared_ptr<Link::State> link;
  wire::StreamId id;
  std::list<Bytes> messages;
  bool finished = false;  // by the peer
  bool closed = false;    // by us
  std::optional<Error> error;
  Event changed;
};

struct Link::State : std::enable_shared_from_this<Link::State> {
  State(Clock& clock_, std::unique_ptr<net::Stream> stream_, wire::Config config, Executor executor_)
      : clock(clock_),
        executor(executor_),
        stream(std::move(stream_)),
        side(config.side),
        session(std::move(config), clock_.now()),
        changed(executor_),
        arrived(executor_) {}

  Clock& clock;
  Executor executor;
  std::unique_ptr<net::Stream> stream;
  const wire::Side side;
  wire::Session session;
  Event changed;                // hello, welcome, clock, end
  Nursery* children = nullptr;  // of run(), while it lasts
  bool writing = false;         // by one of them
  std::optional<wire::Hello> hello;
  std::optional<wire::Welcome> welcome;
  std::optional<Error> ending;  // once what is queued is written, the link ends with this
  std::optional<Error> lost;
  std::unordered_map<wire::StreamId, std::weak_ptr<Channel::State>> channels;
  // Streams that the peer opened and nobody has taken. They hold us, so ~Link lets go of them.
  std::list<Channel> untaken;
  Event arrived;

  void flush() {
    if (session.has_output()) begin_to_write();
  }

  // Whoever writes ends with the last of the output: of an idle link there is no writer, and no memory of
  // one.
  void begin_to_write() {
    if (writing || children == nullptr) return;
    writing = true;
    children->spawn(write());
  }

  void end(Error why) {
    if (lost) return;
    lost = std::move(why);
    stream->close();
    for (const auto& [id, weak] : channels) {
      if (const auto channel = weak.lock()) {
        if (!channel->error)
          channel->error = Error(ErrorCode::unavailable, "the link is lost: " + lost->message());
        channel->changed.set();
      }
    }
    arrived.set();
    changed.set();
  }

  std::shared_ptr<Channel::State> find(wire::StreamId id) {
    const auto found = channels.find(id);
    return found == channels.end() ? nullptr : found->second.lock();
  }

  std::shared_ptr<Channel::State> make_channel(wire::StreamId id) {
    auto channel = std::make_shared<Channel::State>(shared_from_this(), id, executor);
    channels[id] = channel;
    return channel;
  }

  void dispatch() {
    while (auto event = session.next_event()) {
      std::visit([this](auto& what) { take(what); }, *event);
    }
    flush();
  }

  void take(wire::HelloArrived& event) {
    hello = std::move(event.hello);
    changed.set();
  }
  void take(wire::Welcomed& event) {
    welcome = std::move(event.welcome);
    changed.set();
  }
  void take(wire::Refused& event) { end(event.error.with("the Brain refuses this node")); }
  void take(wire::Goodbye& event) { end(event.error.with("the peer says goodbye")); }
  void take(wire::MessageArrived& event) {
    auto channel = find(event.stream);
    if (channel == nullptr) {
      if (channels.contains(event.stream)) return;  // ours, and dropped
      channel = make_channel(event.stream);
      untaken.push_back(Channel(channel));
      arrived.set();
    }
    channel->messages.push_back(std::move(event.message));
    channel->changed.set();
  }
  void take(wire::Finished& event) {
    if (const auto channel = find(event.stream)) {
      channel->finished = true;
      channel->changed.set();
    }
  }
  void take(wire::WasReset& event) {
    if (const auto channel = find(event.stream)) {
      channel->error = std::move(event.error);
      channel->changed.set();
    }
  }
  void take(wire::Writable& event) {
    for (const auto& [id, weak] : channels) {
      if (event.stream != 0 && event.stream != id) continue;
      if (const auto channel = weak.lock()) channel->changed.set();
    }
  }
  void take(wire::Pinged&) { changed.set(); }

  Async<void> read() {
    // One for all links of the loop: what read_some() has put there is dealt with before anything else runs.
    static thread_local std::array<char, kReadBytes> buffer;
    while (!lost) {
      const auto got = co_await stream->read_some(buffer);
      if (!got) co_return end(got.error());
      if (*got == 0) co_return end(Error(ErrorCode::unavailable, "the peer has closed the connection"));
      const auto judged = session.receive(BytesView(buffer.data(), *got), clock.now());
      dispatch();
      if (!judged) {
        // The peer breaks the rules: it is told which one, then it is cut off.
        session.goodbye(judged.error());
        ending = judged.error().with("the peer breaks the rules of the link");
        begin_to_write();
        changed.set();
        co_return;
      }
    }
  }

  Async<void> write() {
    while (!lost && session.has_output()) {
      const Bytes out = session.take_output(kWriteBytes, clock.now());
      dispatch();
      const auto written = co_await stream->write(out);
      if (!written) co_return end(ending ? *ending : written.error());
    }
    writing = false;
    if (ending) end(*ending);
  }

  Async<void> keep_time() {
    while (!lost && !session.established()) co_await changed.wait();
    while (!lost) {
      co_await clock.sleep_until(session.next_tick());
      tick();
    }
  }

  void tick() {
    if (lost) return;
    if (const auto ticked = session.tick(clock.now()); !ticked) end(ticked.error());
    else flush();
  }
};

Channel::Channel(std::shared_ptr<State> state) : state_(std::move(state)) {}
Channel::Channel(Channel&& other) noexcept = default;

Channel& Channel::operator=(Channel&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Channel::~Channel() {
  if (!state_) return;
  Link::State& link = *state_->link;
  if (!state_->closed && !state_->error) {
    link.session.reset(state_->id, Error(ErrorCode::cancelled, "the peer has stopped listening"));
    link.flush();
  }
  link.channels.erase(state_->id);
}

Async<Result<void>> Channel::send(Bytes message) {
  const auto state = state_;
  while (!state->error && !state->link->session.writable(state->id)) co_await state->changed.wait();
  if (state->error) co_return fail(*state->error);
  auto queued = state->link->session.send(state->id, std::move(message));
  state->link->flush();
  co_return queued;
}

Result<void> Channel::post(Bytes message, std::shared_ptr<const Bytes> rest) {
  if (state_->error) return fail(*state_->error);
  auto queued = state_->link->session.send(state_->id, std::move(message), std::move(rest));
  state_->link->flush();
  return queued;
}

Async<Result<std::optional<Bytes>>> Channel::receive() {
  const auto state = state_;
  while (state->messages.empty()) {
    if (state->error) co_return fail(*state->error);
    if (state->finished) co_return std::nullopt;
    co_await state->changed.wait();
  }
  Bytes message = std::move(state->messages.front());
  state->messages.pop_front();
  state->link->session.consumed(state->id, message.size());
  state->link->flush();
  co_return std::move(message);
}

void Channel::close() {
  if (state_->closed) return;
  state_->closed = true;
  state_->link->session.finish(state_->id);
  state_->link->flush();
}

void Channel::reset(const Error& error) {
  if (state_->error) return;
  state_->link->session.reset(state_->id, error);
  state_->error = error;
  state_->link->flush();
}

void Channel::set_priority(wire::Priority priority) {
  state_->link->session.set_priority(state_->id, priority);
}

Link::Link(Clock& clock, std::unique_ptr<net::Stream> stream, wire::Config config, Executor executor)
    : state_(std::make_shared<State>(clock, std::move(stream), std::move(config), std::move(executor))) {}

Link::~Link() {
  state_->end(Error(ErrorCode::cancelled, "the link is closed"));
  const auto dropped = std::exchange(state_->untaken, {});
}

Async<Error> Link::run() {
  const auto state = state_;
  struct Running {
    ~Running() { link.children = nullptr; }
    State& link;
  };
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    state->children = &nursery;
    const Running running{*state};
    if (state->side == wire::Side::node) nursery.spawn(state->keep_time());
    if (state->ending) state->begin_to_write();
    else state->flush();
    // Ends with the link: whoever ends that closes the stream. After a broken rule it is the writer.
    co_await state->read();
    while (!state->lost) co_await state->changed.wait();
  });
  co_return *state->lost;
}

Async<Result<wire::Welcome>> Link::welcomed() {
  const auto state = state_;
  while (!state->welcome && !state->lost) co_await state->changed.wait();
  if (!state->welcome) co_return fail(*state->lost);
  co_return *state->welcome;
}

Async<Result<wire::Hello>> Link::hello() {
  const auto state = state_;
  while (!state->hello && !state->lost && !state->ending) co_await state->changed.wait();
  if (!state->hello) co_return fail(state->lost ? *state->lost : *state->ending);
  auto hello = std::move(*state->hello);
  state->hello.reset();
  co_return std::move(hello);
}

void Link::welcome(wire::Welcome welcome) {
  state_->session.welcome(std::move(welcome));
  state_->changed.set();
  state_->flush();
}

void Link::refuse(const Error& error) {
  state_->session.refuse(error);
  if (!state_->ending) state_->ending = error;
  state_->begin_to_write();
}

void Link::goodbye(const Error& error) {
  state_->session.goodbye(error);
  if (!state_->ending) state_->ending = error;
  state_->begin_to_write();
}

Result<Channel> Link::open(wire::Priority priority) {
  if (state_->lost) return fail(ErrorCode::unavailable, "the link is lost: {}", state_->lost->message());
  return Channel(state_->make_channel(OCTO_TRY(state_->session.open(priority))));
}

bool Link::writable() const { return state_->session.writable(); }

Async<std::optional<Channel>> Link::accept() {
  const auto state = state_;
  while (state->untaken.empty() && !state->lost) co_await state->arrived.wait();
  if (state->untaken.empty()) co_return std::nullopt;
  std::optional<Channel> channel(std::move(state->untaken.front()));
  state->untaken.pop_front();
  co_return channel;
}

Instant Link::next_tick() const { return state_->session.next_tick(); }
void Link::tick() { state_->tick(); }
Instant Link::last_heard() const { return state_->session.last_heard(); }
std::optional<Span> Link::round_trip() const { return state_->session.round_trip(); }
Async<Result<ClockReading>> Link::measured_clock() {
  const auto state = state_;
  while (!state->lost) {
    if (const auto reading = state->session.clock(state->clock.now())) co_return *reading;
    co_await state->changed.wait();
  }
  co_return fail(*state->lost);
}

std::optional<ClockReading> Link::clock() const { return clock_at(state_->clock.now()); }
std::optional<ClockReading> Link::clock_at(Instant when) const { return state_->session.clock(when); }

Async<void> Link::measure_clock(const Measure how) {
  const auto state = state_;
  const std::size_t before = state->session.clock_samples();
  const Instant give_up = state->clock.now() + how.within;
  for (std::size_t sent = 0; sent < how.samples && !state->lost; ++sent) {
    if (state->clock.now() >= give_up) co_return;
    state->session.ping();
    state->flush();
    co_await state->clock.sleep(how.every);
  }
  while (!state->lost && state->session.clock_samples() < before + how.samples &&
         state->clock.now() < give_up)
    co_await state->clock.sleep(how.every);
}
const net::Peer& Link::peer() const { return state_->stream->peer(); }

}  // namespace octo::link
