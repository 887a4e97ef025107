// SPDX-License-Identifier: MIT
// TaskRecord::request: all that a restarted Brain needs to go on with a task, as JSON.
#pragma once
#include <string>
#include <variant>

#include "api/records.hpp"
#include "domain/deployment.hpp"

namespace octo::brain {

ExecOrder order_of(const api::StartTask& start);
// How long after its acceptance a run may still be delivered.
Span delivery_of(const api::StartTask& start);

// A reset as decided when it was accepted: versions made since do not change what a prefix meant.
struct StoredReset {
  ScenarioName scenario;
  Sha256 bundle;
  std::string message;
  Plan plan;                       // one stage of reset steps
  std::vector<NodeAppAt> missing;  // nodeapps that the version lacks
};
std::string encode(const StoredReset& reset);
Result<StoredReset> decode_stored_reset(std::string_view json);

}  // namespace octo::brain
