// SPDX-License-Identifier: MIT
#include "brain/work/stored_request.hpp"

#include "api/json.hpp"

namespace octo::brain {

namespace {

void put(api::JsonWriter& out, std::string_view name, std::string_view value) {
  out.text(name);
  out.raw(":");
  out.text(value);
}

// A member that must be a text.
bool take(const api::JsonReader& from, std::string_view name, std::string& into) {
  const auto member = from.find(name);
  return member ? member->text(into) : from.fault_at(name, "is missing");
}

bool take_step(const api::JsonReader& from, Step& step) {
  std::string app;
  if (!from.is_object() || !take(from, "app", app)) return false;
  const auto name = parse_app_name(app);
  if (!name) return from.fault(name.error().message());
  step.app = *name;
  const auto commits = from.find("commits");
  return commits && commits->is_object() &&
         commits->each_member([&](std::string_view node, const api::JsonReader& value) {
           std::string commit;
           if (value.text(commit)) {
             step.nodes.emplace_back(std::string(node));
             step.commits.push_back(std::move(commit));
           }
         });
}

bool take_missing(const api::JsonReader& from, NodeAppAt& at) {
  std::string node, app;
  if (!from.is_object() || !take(from, "node", node) || !take(from, "app", app)) return false;
  at = {NodeName(std::move(node)), AppName(std::move(app))};
  return true;
}

}  // namespace

ExecOrder order_of(const api::StartTask& start) {
  ExecOrder order;
  order.kind = start.kind == TaskKind::script ? ExecOrder::Kind::script : ExecOrder::Kind::command;
  order.text = start.text;
  order.script_name = start.script_name;
  order.background = start.background;
  order.environment = start.environment;
  order.tie = start.tie;
  order.user = start.user;
  order.folder = start.folder;
  order.input = start.input;
  order.resources = start.resources;
  order.secrets = start.secrets;
  if (start.together) order.together = Together{start.max_skew.value_or(limits::together_skew), {}};
  order.limit = start.limit.value_or(start.background ? Span::zero() : limits::foreground_limit);
  return order;
}

// What is to start at a time is not started behind it, unless that was asked for.
Span delivery_of(const api::StartTask& start) {
  const Span delay = start.delay.value_or(Span::zero());
  if (start.deadline) return delay + *start.deadline;
  return delay > Span::zero() ? delay : limits::delivery_deadline;
}

std::string encode(const StoredReset& reset) {
  api::JsonWriter out;
  out.raw("{");
  put(out, "scenario", reset.scenario.str());
  out.raw(",");
  put(out, "bundle", print_hex(reset.bundle));
  out.raw(",");
  put(out, "message", reset.message);
  out.raw(",\"steps\":[");
  for (const Step& step : reset.plan.stages.at(0).steps) {
    out.raw(step.index == 0 ? "{" : ",{");
    put(out, "app", step.app.str());
    out.raw(",\"commits\":{");
    for (std::size_t i = 0; i < step.nodes.size(); ++i) {
      if (i > 0) out.raw(",");
      put(out, step.nodes[i].str(), step.commits[i]);
    }
    out.raw("}}");
  }
  out.raw("],\"missing\":[");
  for (const NodeAppAt& at : reset.missing) {
    out.raw(&at == &reset.missing.front() ? "{" : ",{");
    put(out, "node", at.node.str());
    out.raw(",");
    put(out, "app", at.app.str());
    out.raw("}");
  }
  out.raw("]}");
  return out.take();
}

Result<StoredReset> decode_stored_reset(std::string_view json) {
  auto document = OCTO_TRY(api::JsonDocument::parse(json));
  const auto root = document.root();
  StoredReset reset;
  std::string scenario, bundle;
  Stage stage{"reset", {}, true};
  const auto steps = root.is_object() ? root.find("steps") : std::nullopt;
  const bool read = steps && take(root, "scenario", scenario) && take(root, "bundle", bundle) &&
                    take(root, "message", reset.message) &&
                    steps->each_item([&](const api::JsonReader& item) {
                      Step step;
                      step.kind = Step::Kind::reset;
                      step.index = static_cast<std::uint32_t>(stage.steps.size());
                      if (take_step(item, step)) stage.steps.push_back(std::move(step));
                    });
  if (const auto missing = root.is_object() ? root.find("missing") : std::nullopt) {
    missing->each_item([&](const api::JsonReader& item) {
      if (NodeAppAt at; take_missing(item, at)) reset.missing.push_back(std::move(at));
    });
  }
  if (document.fault()) return fail(document.fault()->with("stored reset"));
  if (!read) return fail(ErrorCode::corrupt, "a stored reset is not whole");
  reset.scenario = OCTO_TRY(parse_scenario_name(scenario));
  reset.bundle = OCTO_TRY(parse_sha256(bundle));
  reset.plan.stages.push_back(std::move(stage));
  return reset;
}

}  // namespace octo::brain
