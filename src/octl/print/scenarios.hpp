// SPDX-License-Identifier: MIT
#pragma once
#include "api/records.hpp"
#include "octl/print/output.hpp"

namespace octo::octl {

Document document_of(const api::ScenarioList& list);
Result<Document> document_of(const Scenario& scenario);
Document document_of(const api::VersionList& list);

enum class Detail { brief, full };  // full: with the versions that came along
Document document_of(const api::NodeAppList& list, Detail detail);
Document versions_of(const api::NodeAppList& list);

}  // namespace octo::octl
