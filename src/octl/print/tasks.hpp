// SPDX-License-Identifier: MIT
#pragma once
#include "api/records.hpp"
#include "octl/print/output.hpp"

namespace octo::octl {

Document document_of(const api::TaskList& list);
Document document_of(const api::TaskDetail& detail);
// What is left of it to cancel, where that is known.
Document cancelled_document(const TaskId& id, const api::TaskSummary* task);

}  // namespace octo::octl
