// SPDX-License-Identifier: MIT
// Sessions: who may join, who is there. What travels on their streams is in streams.cpp.
#include "brain/fleet/fleet.hpp"

#include <algorithm>

#include "async/event.hpp"
#include "brain/fleet/session.hpp"
#include "domain/limits.hpp"
#include "io/log/log.hpp"

namespace octo::brain {

LinkFleet::LinkFleet(Settings settings, FleetEvents& events, Blobs& blobs, Clock& clock, Executor executor)
    : settings_(std::move(settings)),
      events_(events),
      blobs_(blobs),
      clock_(clock),
      executor_(std::move(executor)) {}

LinkFleet::~LinkFleet() = default;

Async<void> LinkFleet::serve(net::Listener& listener) {
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    nursery.spawn(keep_time());
    while (true) {
      auto stream = co_await listener.accept();
      if (!stream) {
        log::error("nodes are no longer accepted: {}", stream.error().message());
        co_return;
      }
      nursery.spawn(session(std::move(*stream)));
    }
  });
}

// Whoever joins meanwhile is due later than those who are here.
Async<void> LinkFleet::keep_time() {
  while (true) {
    const Instant now = clock_.now();
    Instant next = now + limits::offline_after;
    for (const auto& [name, session] : sessions_) {
      if (session->link == nullptr) continue;
      if (session->link->next_tick() <= now) session->link->tick();
      else next = std::min(next, session->link->next_tick());
    }
    co_await clock_.sleep_until(next);
  }
}

Async<void> LinkFleet::session(std::unique_ptr<net::Stream> stream) {
  if (!co_await stream->handshake()) co_return;  // nobody: scanners are not worth a line each
  const std::string from = net::print(stream->peer().address);
  link::Link link(clock_, std::move(stream),
                  {.side = wire::Side::brain, .silence_max = limits::offline_after}, executor_);
  // These outlive the children below, which use them; `present` also leaves the fleet when the session is
  // cancelled.
  std::optional<Error> lost;
  Event changed(executor_);
  Present present(*this);
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    nursery.spawn([](link::Link& on, std::optional<Error>& why, Event& event) -> Async<void> {
      why = co_await on.run();
      event.set();
    }(link, lost, changed));
    auto admitted = co_await admit(link);
    if (admitted) {
      present.joined = *admitted;
      events_.node_online((*admitted)->record.name);
      co_await serve_streams(*admitted, nursery);
    } else {
      log::warning("refused {}: {}", from, admitted.error().message());
      link.refuse(admitted.error());
    }
    while (!lost) co_await changed.wait();
  });
  if (present.joined) log::info("node {} has left: {}", present.joined->record.name, lost->message());
}

Async<Result<std::shared_ptr<LinkFleet::Session>>> LinkFleet::admit(link::Link& link) {
  const auto hello = OCTO_CO_TRY(co_await with_deadline(clock_, wire::limits::hello_timeout, link.hello()));
  const auto& identity = link.peer().identity;
  if (!identity || identity->role != crypto::Role::node) {
    co_return fail(ErrorCode::forbidden,
                   "only a node's certificate may join; make one with: octopoda certgen node <name>");
  }
  if (hello.name != identity->name) {
    co_return fail(ErrorCode::forbidden, "the settings name this node {} and its certificate {}",
                   quote(hello.name), quote(identity->name));
  }
  const NodeName name = OCTO_CO_TRY(parse_node_name(hello.name));
  if (hello.epoch_seen > settings_.epoch) {
    co_return fail(ErrorCode::conflict,
                   "the node has obeyed epoch {} and this Brain is at {}: it runs on an old copy of its "
                   "data",
                   hello.epoch_seen, settings_.epoch);
  }
  // Nobody is written down as the node while another one is: the one refused would stay in the ledger.
  if (!joining_.insert(name).second)
    co_return fail(ErrorCode::conflict, "node {} is joining twice at once", name);
  struct Joining {
    ~Joining() { names.erase(name); }
    std::set<NodeName>& names;
    const NodeName& name;
  } const joining{joining_, name};
  if (const auto other = sessions_.find(name); other != sessions_.end()) {
    const Span silence = clock_.now() - other->second->link->last_heard();
    if (other->second->record.instance != hello.instance && silence < limits::suspect_after) {
      co_return fail(ErrorCode::conflict,
                     "another machine is connected as {} from {}; every node needs a name and a "
                     "certificate of its own",
                     name, other->second->record.address);
    }
    co_await replace(name);
  }
  auto session = std::make_shared<Session>(link, executor_);
  const WallTime now = clock_.wall();
  session->record = NodeRecord{
      name, hello.program_version, link.peer().address.host, hello.instance, now, now, now, hello.labels};
  session->features = hello.features;
  session->since = clock_.now();
  OCTO_CO_TRY((co_await events_.node_joined(session->record)).with(fmt::format("record node {}", name)));
  sessions_[name] = session;
  wire::Welcome welcome;
  welcome.features = {std::string(wire::kTogether)};
  welcome.program_version = settings_.version;
  welcome.brain = settings_.brain;
  welcome.epoch = settings_.epoch;
  welcome.heartbeat = limits::heartbeat_interval;
  link.welcome(std::move(welcome));
  log::info("node {} has joined from {} (version {})", name, session->record.address,
            session->record.version);
  co_return session;
}

void LinkFleet::leave(Session& session) {
  session.link = nullptr;
  const auto found = sessions_.find(session.record.name);
  if (found != sessions_.end() && found->second.get() == &session) {
    const NodeName name = session.record.name;
    sessions_.erase(found);
    events_.node_offline(name);
  }
  session.ended.set();
}

// The node's own newer session: the old one is half-open. Waits until it is gone, so that a node is never
// there twice.
Async<void> LinkFleet::replace(const NodeName& name) {
  const std::shared_ptr<Session> old = sessions_.at(name);
  old->link->goodbye(Error(ErrorCode::conflict, "replaced by a newer session of the same node"));
  while (old->link != nullptr) co_await old->ended.wait();
}

Fleet::Live LinkFleet::live(const Session& session) const {
  Live live{session.record, clock_.now() - session.link->last_heard(), clock_.now() - session.since,
            std::nullopt, session.link->clock()};
  live.record.last_heard = clock_.wall() - live.silence;
  if (const auto round_trip = session.link->round_trip()) live.delay = *round_trip / 2;
  return live;
}

std::optional<Fleet::Live> LinkFleet::find(const NodeName& node) const {
  return is_online(node) ? std::optional(live(*sessions_.at(node))) : std::nullopt;
}

bool LinkFleet::is_online(const NodeName& node) const {
  const auto found = sessions_.find(node);
  return found != sessions_.end() && found->second->link != nullptr;
}

std::vector<Fleet::Live> LinkFleet::all() const {
  std::vector<Live> all;
  all.reserve(sessions_.size());
  for (const auto& [name, session] : sessions_) {
    if (session->link != nullptr) all.push_back(live(*session));
  }
  return all;
}

void LinkFleet::drop(const NodeName& node) {
  const auto found = sessions_.find(node);
  if (found == sessions_.end() || found->second->link == nullptr) return;
  found->second->link->goodbye(Error(ErrorCode::not_found, "pruned by an operator"));
}

Result<std::shared_ptr<LinkFleet::Session>> LinkFleet::get(const NodeName& node) const {
  const auto found = sessions_.find(node);
  if (found == sessions_.end() || found->second->link == nullptr) {
    return fail(ErrorCode::unavailable, "node {} is offline", node);
  }
  return found->second;
}

}  // namespace octo::brain
