// SPDX-License-Identifier: MIT
#include <algorithm>

#include "async/deadline.hpp"
#include "async/mailbox.hpp"
#include "async/nursery.hpp"
#include "brain/doors/visit.hpp"
#include "domain/fold.hpp"
#include "domain/limits.hpp"
#include "domain/node_set.hpp"

namespace octo::brain {

namespace {

constexpr const char* kBrain = "brain";  // the pseudo-node
constexpr Span kHeartbeat = 15s;         // of a log in which nothing is written: clients give up after three

using Lines = Result<std::vector<std::string>>;

// Reads ahead by one answer: a deadline on reading itself would lose the lines that come just then.
class ReadAhead {
 public:
  ReadAhead(NextLines next, const Executor& executor)
      : next_(std::move(next)), lines_(executor), taken_(executor) {}
  Async<void> run() {
    for (bool over = false; !over;) {
      auto lines = co_await next_();
      over = !lines || lines->empty();
      lines_.put(std::move(lines));
      while (lines_.size() > 0) co_await taken_.wait();
    }
  }
  Async<Lines> take() {
    auto lines = co_await lines_.take();
    taken_.set();
    co_return std::move(*lines);
  }

 private:
  NextLines next_;
  Mailbox<Lines> lines_;
  Event taken_;
};

Async<Result<void>> write_lines(Clock& clock, NextLines next, http::BodyWriter& out) {
  ReadAhead ahead(std::move(next), co_await asio::this_coro::executor);
  co_return co_await in_nursery([&](Nursery& nursery) -> Async<Result<void>> {
    nursery.spawn(ahead.run());
    while (true) {
      auto lines = co_await with_deadline(clock, kHeartbeat, ahead.take());
      if (!lines && lines.error().code() != ErrorCode::timed_out) co_return fail(lines.error());
      if (lines && lines->empty()) co_return Result<void>{};
      std::string text = lines ? "" : "\n";
      if (lines) {
        for (std::string& line : *lines) text += api::encode(api::LogLine{std::move(line)}) + "\n";
      }
      OCTO_CO_TRY(co_await out.write(text));
    }
  });
}

std::vector<std::string> names_of(const http::Request& request) {
  std::vector<std::string> names;
  const auto [begin, end] = request.query.equal_range("names");
  for (auto each = begin; each != end; ++each) names.push_back(each->second);
  return names;
}

}  // namespace

Doors::Answer Doors::ping(Visit&) {
  co_return json_reply(api::encode(api::Pinged{about_.brain, about_.version}));
}

Doors::Answer Doors::login(Visit& visit) {
  auto login = OCTO_CO_TRY(api::decode_login(visit.request.body));
  co_return json_reply(
      api::encode(OCTO_CO_TRY(co_await ports_.gate.login(std::move(login), visit.caller.name))));
}

// The nodes that the sets name together, each once, in natural order. An unknown name is an error, never left
// out silently.
Result<std::vector<NodeName>> Doors::select(const std::vector<std::string>& sets) const {
  if (sets.empty()) return fail(ErrorCode::invalid_argument, "no node is named; @all means all of them");
  const auto known = ports_.verbs.known();
  if (known.empty()) return fail(ErrorCode::not_found, "no node has joined yet");
  return select_nodes(sets, {known, nullptr});
}

// Them, or all of them where no set is given, and how they are.
Async<Result<std::vector<NodeInfo>>> Doors::look_up(std::vector<std::string> sets) {
  std::set<NodeName> wanted;
  if (!sets.empty()) {
    auto names = OCTO_CO_TRY(select(sets));
    wanted.insert(std::make_move_iterator(names.begin()), std::make_move_iterator(names.end()));
  }
  auto nodes = OCTO_CO_TRY(co_await ports_.verbs.nodes());
  if (!sets.empty())
    std::erase_if(nodes, [&](const NodeInfo& node) { return !wanted.contains(node.record.name); });
  co_return nodes;
}

Doors::Answer Doors::nodes_list(Visit& visit) {
  api::NodeList list{OCTO_CO_TRY(co_await look_up(names_of(visit.request))), about_.brain, about_.version,
                     about_.address};
  co_return json_reply(api::encode(list));
}

Async<void> Doors::ask_status(NodeInfo node, api::NodeStatus& into) {
  into.name = node.record.name.str();
  into.state = name_of(node.state);
  auto status = co_await ports_.fleet.status(node.record.name);
  if (status) into.status = std::move(*status);
  else into.error = status.error();
}

Doors::Answer Doors::nodes_status(Visit& visit) {
  std::vector<std::string> names = names_of(visit.request);
  const bool brain_too = std::erase(names, "brain") > 0;
  std::vector<NodeInfo> nodes;
  if (!brain_too || !names.empty()) nodes = OCTO_CO_TRY(co_await look_up(names));
  api::NodeStatusList list;
  list.nodes.resize(nodes.size());
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    for (std::size_t i = 0; i < nodes.size(); ++i) nursery.spawn(ask_status(nodes[i], list.nodes[i]));
    co_await nursery.join();
  });
  if (brain_too) {
    api::NodeStatus own{"brain", "online", std::nullopt, std::nullopt};
    auto status = co_await ports_.own_status();
    if (status) own.status = std::move(*status);
    else own.error = status.error();
    list.nodes.insert(list.nodes.begin(), std::move(own));
  }
  co_return json_reply(api::encode(list));
}

Doors::Answer Doors::nodes_prune(Visit& visit) {
  const auto prune = OCTO_CO_TRY(api::decode_prune(visit.request.body));
  if (prune.all == !prune.names.empty())
    co_return fail(ErrorCode::invalid_argument, "name the nodes, or say all: exactly one of the two");
  std::vector<std::string> names;
  if (!prune.all) {
    for (const NodeName& node : OCTO_CO_TRY(select(prune.names))) names.push_back(node.str());
  }
  const auto answer_of = [](const Verbs::PruneOutcome& outcome) {
    api::Pruned pruned{outcome.pruned, {}};
    for (const auto& [name, why] : outcome.kept) pruned.kept.push_back({name, why});
    return api::encode(pruned);
  };
  const std::string object = prune.all ? "all offline nodes" : fold_names(names);
  const auto outcome = OCTO_CO_TRY(
      co_await ports_.verbs.prune(names, prune.all, stamp_of(visit, "node.prune", object, ""), answer_of));
  co_return json_reply(answer_of(outcome));
}

Doors::Answer Doors::node_apps(Visit& visit) {
  const NodeName node = OCTO_CO_TRY(parse_node_name(visit.segments.at("node")));
  OCTO_CO_TRY(select({node.str()}));
  co_return json_reply(
      api::encode(api::NodeAppList{node, OCTO_CO_TRY(co_await ports_.fleet.apps(node, std::nullopt, 0, 1))}));
}

Doors::Answer Doors::node_app_get(Visit& visit) {
  constexpr std::uint64_t kMost = 10'000;
  const NodeName node = OCTO_CO_TRY(parse_node_name(visit.segments.at("node")));
  const AppAt app = OCTO_CO_TRY(parse_app_at(visit.segments.at("app")));
  const auto offset = OCTO_CO_TRY(visit.number("offset", 0, 1'000'000'000)),
             limit = OCTO_CO_TRY(visit.number("limit", 100, kMost));
  OCTO_CO_TRY(select({node.str()}));
  co_return json_reply(
      api::encode(api::NodeAppList{node, OCTO_CO_TRY(co_await ports_.fleet.apps(node, app, offset, limit))}));
}

Doors::Answer Doors::node_log(Visit& visit) {
  const std::string& name = visit.segments.at("node");
  LogQuestion question;
  question.lines = OCTO_CO_TRY(visit.number("lines", question.lines, limits::log_lines_max));
  if (!visit.query("days").empty())
    question.days_before =
        static_cast<std::uint32_t>(OCTO_CO_TRY(visit.number("days", 0, limits::log_days_max)));
  question.follow = OCTO_CO_TRY(visit.number("follow", 0, 1)) != 0;
  if (name != kBrain) OCTO_CO_TRY(select({name}));
  auto next = OCTO_CO_TRY(name == kBrain ? co_await ports_.own_log(question)
                                         : co_await ports_.fleet.read_log(NodeName(name), question));
  http::Reply reply;
  reply.headers["content-type"] = "application/x-ndjson";
  reply.stream = [&clock = ports_.clock, next = std::move(next)](http::BodyWriter& out) {
    return write_lines(clock, next, out);
  };
  co_return reply;
}

}  // namespace octo::brain
