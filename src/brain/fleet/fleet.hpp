// SPDX-License-Identifier: MIT
// The Fleet port over real links: admits nodes, sends orders on streams, carries reports to the verbs.
#pragma once
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include "async/clock.hpp"
#include "async/nursery.hpp"
#include "brain/work/ports.hpp"
#include "io/link/link.hpp"
#include "wire/messages.hpp"

namespace octo::brain {

class LinkFleet final : public Fleet {
 public:
  struct Settings {
    std::string brain;  // our name, as nodes see it
    std::string version;
    std::uint64_t epoch = 0;
  };
  LinkFleet(Settings settings, FleetEvents& events, Blobs& blobs, Clock& clock, Executor executor);
  ~LinkFleet() override;

  // Accepts nodes until cancelled; every session is a child of its own nursery.
  Async<void> serve(net::Listener& listener);

  std::optional<Live> find(const NodeName& node) const override;
  bool is_online(const NodeName& node) const override;
  std::vector<Live> all() const override;
  std::shared_ptr<const PreparedDeed> prepare(const Deed& deed) const override;
  Result<void> start_run(const RunId& run, std::shared_ptr<const PreparedDeed> what,
                         const StartTimes& times) override;
  Async<Result<void>> cancel_run(const RunId& run) override;
  Async<Result<void>> commit_run(const RunId& run, Instant at, Span max_skew) override;
  Async<Result<void>> go_run(const RunId& run) override;
  Async<Result<void>> call_off_run(const RunId& run, const std::string& reason) override;
  Async<Result<HostStatus>> status(const NodeName& node) override;
  Async<Result<std::vector<NodeAppInfo>>> apps(const NodeName& node, const std::optional<AppAt>& app,
                                               std::uint64_t offset, std::uint64_t limit) override;
  Async<Result<NextLines>> read_log(const NodeName& node, const LogQuestion& question) override;
  void drop(const NodeName& node) override;

 private:
  struct Session;
  struct Present;
  Async<void> session(std::unique_ptr<net::Stream> stream);
  Async<void> keep_time();
  Async<Result<std::shared_ptr<Session>>> admit(link::Link& link);
  void leave(Session& session);
  Async<void> replace(const NodeName& name);
  Async<void> serve_streams(std::shared_ptr<Session> session, Nursery& nursery);
  Async<void> serve_stream(std::shared_ptr<Session> session, link::Channel channel);
  Async<void> serve_barrier(link::Channel channel, wire::AwaitBarrier asked);
  Async<void> serve_blobs(link::Channel channel, wire::FromNode asked);
  Async<void> follow_run(RunId run, link::Channel channel);
  Async<Result<void>> report(const RunId& run, link::Channel& channel, Bytes message, bool& over);
  Async<Result<void>> tell(const NodeName& node, wire::FromBrain message);
  Async<Result<Bytes>> ask(const NodeName& node, Bytes question);
  Live live(const Session& session) const;
  Result<std::shared_ptr<Session>> get(const NodeName& node) const;

  Settings settings_;
  FleetEvents& events_;
  Blobs& blobs_;
  Clock& clock_;
  Executor executor_;
  std::unordered_map<NodeName, std::shared_ptr<Session>> sessions_;  // looked up for every word of a node
  std::set<NodeName> joining_;
};

}  // namespace octo::brain
