// SPDX-License-Identifier: MIT
#include "client/brain.hpp"

#include "client/events.hpp"

namespace octo::client {

namespace {

constexpr std::size_t kAnswerMax = 64 * 1024 * 1024;  // ten thousand nodes with their status
constexpr Span kAnswerWithin = 60s;                   // argon2id one after another; statuses of slow nodes
constexpr Span kSilenceMax = 45s;                     // heartbeats come every 15 s

Error error_of(int status, const Bytes& body) {
  if (auto problem = api::decode_problem(body)) return std::move(problem->error);
  return Error(status == 401 ? ErrorCode::unauthenticated : ErrorCode::unavailable,
               fmt::format("the Brain answered {}", status));
}

// "?names=a&names=b"
std::string names_query(const std::vector<std::string>& names) {
  std::string query;
  for (const std::string& name : names)
    query += fmt::format("{}names={}", query.empty() ? '?' : '&', http::percent_encode(name));
  return query;
}

}  // namespace

struct Brain::Impl {
  http::Call call_of(std::string method, std::string path, std::string body = "",
                     const std::string& key = "") const {
    http::Call call;
    call.method = std::move(method);
    call.target = std::string(api::kPrefix) + path;
    call.body = std::move(body);
    call.timeout = kAnswerWithin;
    call.body_bytes_max = kAnswerMax;
    if (!call.body.empty()) call.headers["content-type"] = "application/json";
    if (!key.empty()) call.headers["idempotency-key"] = key;
    if (!token.empty()) call.headers["authorization"] = "Bearer " + token.reveal();
    return call;
  }

  Async<Result<Bytes>> send(http::Call call) {
    auto response = OCTO_CO_TRY((co_await http.send(std::move(call))).with(where));
    if (response.status / 100 != 2) co_return fail(error_of(response.status, response.body));
    co_return std::move(response.body);
  }

  template <class T>
  Async<Result<T>> ask(http::Call call, Result<T> (*decode)(std::string_view)) {
    const Bytes body = OCTO_CO_TRY(co_await send(std::move(call)));
    co_return decode(body).with("the Brain's answer");
  }

  Async<Result<std::unique_ptr<LineEvents>>> stream(http::Call call) {
    call.timeout = kSilenceMax;
    call.headers["accept"] = "application/x-ndjson";
    auto response = OCTO_CO_TRY((co_await http.send_streaming(std::move(call))).with(where));
    if (response.status / 100 == 2) co_return std::make_unique<LineEvents>(std::move(response.body));
    Bytes body;
    while (body.size() < 64 * 1024) {
      const Bytes piece = OCTO_CO_TRY(co_await response.body->read());
      if (piece.empty()) break;
      body += piece;
    }
    co_return fail(error_of(response.status, body));
  }

  Async<Result<Started>> start(http::Call call) {
    auto events = OCTO_CO_TRY(co_await stream(std::move(call)));
    const std::string line = OCTO_CO_TRY(co_await events->next_line());
    auto started = OCTO_CO_TRY(api::decode_task_started(line).with("the Brain's answer"));
    co_return Started{std::move(started.task), std::move(events)};
  }

  http::Client http;
  std::string where;
  Secret token;
};

Brain::Brain(net::Dialer& dialer, At at, Clock& clock) {
  std::string where = fmt::format("Brain at {}", net::print(at.endpoint));
  impl_.reset(new Impl{http::Client(dialer, at.endpoint, {crypto::Role::brain, at.name}, clock),
                       std::move(where), Secret()});
}
Brain::~Brain() = default;

void Brain::set_token(Secret token) { impl_->token = std::move(token); }

Async<Result<void>> Brain::connect() { co_return (co_await impl_->http.connect()).with(impl_->where); }

Async<Result<api::LoggedIn>> Brain::login(const api::Login& login) {
  return impl_->ask(impl_->call_of("POST", "/login", api::encode(login)), api::decode_logged_in);
}
Async<Result<api::NodeList>> Brain::nodes(const std::vector<std::string>& names) {
  return impl_->ask(impl_->call_of("GET", "/nodes" + names_query(names)), api::decode_node_list);
}
Async<Result<api::NodeStatusList>> Brain::node_status(const std::vector<std::string>& names) {
  return impl_->ask(impl_->call_of("GET", "/nodes/status" + names_query(names)),
                    api::decode_node_status_list);
}
Async<Result<api::Pruned>> Brain::prune(const api::Prune& prune, const std::string& key) {
  return impl_->ask(impl_->call_of("POST", "/nodes/prune", api::encode(prune), key), api::decode_pruned);
}
Async<Result<Brain::Started>> Brain::start_task(const api::StartTask& task, const std::string& key) {
  return impl_->start(impl_->call_of("POST", "/tasks", api::encode(task), key));
}
Async<Result<Brain::Started>> Brain::apply(const ScenarioName& scenario, const api::Apply& apply,
                                           const std::string& key) {
  return impl_->start(impl_->call_of("POST",
                                     fmt::format("/scenarios/{}/apply", http::percent_encode(scenario.str())),
                                     api::encode(apply), key));
}
Async<Result<Brain::Started>> Brain::reset_scenario(const ScenarioName& scenario, const api::Reset& reset,
                                                    const std::string& key) {
  return impl_->start(impl_->call_of("POST",
                                     fmt::format("/scenarios/{}/reset", http::percent_encode(scenario.str())),
                                     api::encode(reset), key));
}
Async<Result<Brain::Started>> Brain::reset_app(const NodeName& node, const AppAt& app,
                                               const api::Reset& reset, const std::string& key) {
  return impl_->start(impl_->call_of(
      "POST", fmt::format("/nodes/{}/apps/{}/reset", node, http::percent_encode(octo::print(app))),
      api::encode(reset), key));
}
Async<Result<std::unique_ptr<TaskEvents>>> Brain::events(const TaskId& task, std::uint64_t from) {
  std::unique_ptr<TaskEvents> events = OCTO_CO_TRY(
      co_await impl_->stream(impl_->call_of("GET", fmt::format("/tasks/{}/events?from={}", task, from))));
  co_return events;
}
Async<Result<std::unique_ptr<TaskEvents>>> Brain::changes(const TaskId& task,
                                                          std::optional<std::uint64_t> from) {
  const std::string first = from ? std::to_string(*from) : "last";
  std::unique_ptr<TaskEvents> events = OCTO_CO_TRY(co_await impl_->stream(
      impl_->call_of("GET", fmt::format("/tasks/{}/events?from={}&output=0", task, first))));
  co_return events;
}
Async<Result<void>> Brain::cancel(const TaskId& task, const std::string& key) {
  OCTO_CO_TRY(co_await impl_->send(impl_->call_of("POST", fmt::format("/tasks/{}/cancel", task), "{}", key)));
  co_return Result<void>{};
}
Async<Result<api::TaskList>> Brain::tasks(const TaskQuery& query) {
  std::string target = fmt::format("/tasks?limit={}", query.limit);
  const std::pair<std::string_view, const std::string&> members[] = {
      {"state", query.state}, {"caller", query.caller}, {"node", query.node}, {"page", query.page}};
  for (const auto& [name, value] : members) {
    if (!value.empty()) target += fmt::format("&{}={}", name, http::percent_encode(value));
  }
  return impl_->ask(impl_->call_of("GET", target), api::decode_task_list);
}
Async<Result<api::TaskDetail>> Brain::task(const TaskId& task) {
  return impl_->ask(impl_->call_of("GET", fmt::format("/tasks/{}", task)), api::decode_task_detail);
}
Async<Result<api::Hashes>> Brain::missing(const api::Hashes& hashes) {
  return impl_->ask(impl_->call_of("POST", "/blobs/missing", api::encode(hashes)), api::decode_hashes);
}
Async<Result<void>> Brain::put_blob(const Sha256& hash, Bytes bytes) {
  auto call = impl_->call_of("PUT", fmt::format("/blobs/{}", print_hex(hash)), std::move(bytes));
  call.headers["content-type"] = "application/octet-stream";
  OCTO_CO_TRY(co_await impl_->send(std::move(call)));
  co_return Result<void>{};
}
Async<Result<api::ScenarioList>> Brain::scenarios() {
  return impl_->ask(impl_->call_of("GET", "/scenarios"), api::decode_scenario_list);
}
Async<Result<Scenario>> Brain::scenario(const ScenarioName& name) {
  return impl_->ask(impl_->call_of("GET", "/scenarios/" + http::percent_encode(name.str())),
                    api::decode_scenario);
}
Async<Result<api::VersionList>> Brain::versions(const ScenarioName& name, std::uint64_t offset,
                                                std::uint64_t limit) {
  return impl_->ask(impl_->call_of("GET", fmt::format("/scenarios/{}/versions?offset={}&limit={}",
                                                      http::percent_encode(name.str()), offset, limit)),
                    api::decode_version_list);
}
Async<Result<api::NodeAppList>> Brain::apps(const NodeName& node) {
  return impl_->ask(impl_->call_of("GET", fmt::format("/nodes/{}/apps", node)), api::decode_node_app_list);
}
Async<Result<api::NodeAppList>> Brain::app(const NodeName& node, const AppAt& app, std::uint64_t offset,
                                           std::uint64_t limit) {
  return impl_->ask(impl_->call_of("GET", fmt::format("/nodes/{}/apps/{}?offset={}&limit={}", node,
                                                      http::percent_encode(octo::print(app)), offset, limit)),
                    api::decode_node_app_list);
}

namespace {

class LineLog final : public LogLines {
 public:
  explicit LineLog(std::unique_ptr<LineEvents> lines) : lines_(std::move(lines)) {}
  Async<Result<std::optional<Bytes>>> next() override {
    const std::string line = OCTO_CO_TRY(co_await lines_->next_line());
    if (line.empty()) co_return std::nullopt;
    co_return std::optional(OCTO_CO_TRY(api::decode_log_line(line)).line);
  }

 private:
  std::unique_ptr<LineEvents> lines_;
};

}  // namespace

Async<Result<std::unique_ptr<LogLines>>> Brain::log(const std::string& node, const LogQuestion& question) {
  std::string target = fmt::format("/nodes/{}/log?lines={}", http::percent_encode(node), question.lines);
  if (question.days_before) target += fmt::format("&days={}", *question.days_before);
  if (question.follow) target += "&follow=1";
  co_return std::make_unique<LineLog>(OCTO_CO_TRY(co_await impl_->stream(impl_->call_of("GET", target))));
}

}  // namespace octo::client
