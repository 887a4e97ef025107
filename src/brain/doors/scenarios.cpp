// SPDX-License-Identifier: MIT
#include "brain/doors/visit.hpp"
#include "domain/limits.hpp"

namespace octo::brain {

namespace {
constexpr std::uint64_t kVersionsMost = 10'000;
constexpr std::uint64_t kOffsetMost = 1'000'000'000;

Result<void> check_message(const std::string& message) {
  if (message.size() <= limits::message_bytes_max) return {};
  return fail(ErrorCode::too_large, "message: {} bytes, {} at most", message.size(),
              limits::message_bytes_max);
}
}  // namespace

Doors::Answer Doors::blobs_missing(Visit& visit) {
  const auto asked = OCTO_CO_TRY(api::decode_hashes(visit.request.body));
  co_return json_reply(api::encode(api::Hashes{OCTO_CO_TRY(co_await ports_.blobs.missing(asked.hashes))}));
}

Doors::Answer Doors::blob_put(Visit& visit) {
  const Sha256 hash = OCTO_CO_TRY(parse_sha256(visit.segments.at("hash")));
  OCTO_CO_TRY(co_await ports_.blobs.put(hash, visit.request.body));
  co_return json_reply("{}", 201);
}

Doors::Answer Doors::scenarios_list(Visit& visit) {
  co_return json_reply(
      api::encode(api::ScenarioList{OCTO_CO_TRY(co_await ports_.ledger.scenarios(visit.caller.group))}));
}

Doors::Answer Doors::scenario_get(Visit& visit) {
  const ScenarioName name = OCTO_CO_TRY(parse_scenario_name(visit.segments.at("scenario")));
  const auto scenario = OCTO_CO_TRY(co_await ports_.ledger.find_scenario(name));
  if (!scenario) co_return fail(ErrorCode::not_found, "there is no scenario {}", quote(name.str()));
  co_return json_reply(api::encode(*scenario));
}

Doors::Answer Doors::scenario_versions(Visit& visit) {
  const ScenarioName name = OCTO_CO_TRY(parse_scenario_name(visit.segments.at("scenario")));
  const auto offset = OCTO_CO_TRY(visit.number("offset", 0, kOffsetMost)),
             limit = OCTO_CO_TRY(visit.number("limit", 100, kVersionsMost));
  if (!OCTO_CO_TRY(co_await ports_.ledger.find_scenario(name)))
    co_return fail(ErrorCode::not_found, "there is no scenario {}", quote(name.str()));
  co_return json_reply(
      api::encode(api::VersionList{OCTO_CO_TRY(co_await ports_.ledger.versions(name, offset, limit))}));
}

Doors::Answer Doors::scenario_apply(Visit& visit) {
  const ScenarioName name = OCTO_CO_TRY(parse_scenario_name(visit.segments.at("scenario")));
  auto apply = OCTO_CO_TRY(api::decode_apply(visit.request.body));
  if (apply.deployment.name != name) {
    co_return fail(ErrorCode::invalid_argument, "the deployment is of scenario {}, the path names {}",
                   quote(apply.deployment.name.str()), quote(name.str()));
  }
  OCTO_CO_TRY(check_message(apply.message));
  const TaskId id = ports_.verbs.make_task_id();
  ApplyRequest request{std::move(apply.deployment), apply.bundle, std::move(apply.target),
                       std::move(apply.message), visit.request.body};
  OCTO_CO_TRY(co_await ports_.verbs.apply_scenario(
      id, std::move(request),
      stamp_of(visit, "scenario.apply", name.str(), api::encode(api::TaskStarted{id}), 201)));
  co_return co_await started(visit, id);
}

Doors::Answer Doors::scenario_reset(Visit& visit) {
  const ScenarioName name = OCTO_CO_TRY(parse_scenario_name(visit.segments.at("scenario")));
  auto reset = OCTO_CO_TRY(api::decode_reset(visit.request.body));
  OCTO_CO_TRY(check_message(reset.message));
  const TaskId id = ports_.verbs.make_task_id();
  OCTO_CO_TRY(co_await ports_.verbs.reset(
      id,
      ResetRequest{name, std::nullopt, std::move(reset.version), std::move(reset.message),
                   visit.request.body},
      stamp_of(visit, "scenario.reset", name.str(), api::encode(api::TaskStarted{id}), 201)));
  co_return co_await started(visit, id);
}

Doors::Answer Doors::node_app_reset(Visit& visit) {
  const NodeName node = OCTO_CO_TRY(parse_node_name(visit.segments.at("node")));
  const AppAt app = OCTO_CO_TRY(parse_app_at(visit.segments.at("app")));
  auto reset = OCTO_CO_TRY(api::decode_reset(visit.request.body));
  OCTO_CO_TRY(check_message(reset.message));
  const TaskId id = ports_.verbs.make_task_id();
  OCTO_CO_TRY(co_await ports_.verbs.reset(
      id,
      ResetRequest{app.scenario, NodeAppAt{node, app.app}, std::move(reset.version), std::move(reset.message),
                   visit.request.body},
      stamp_of(visit, "nodeapp.reset", fmt::format("{} on {}", print(app), node),
               api::encode(api::TaskStarted{id}), 201)));
  co_return co_await started(visit, id);
}

}  // namespace octo::brain
