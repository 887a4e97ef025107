// SPDX-License-Identifier: MIT
#pragma once
#include "api/records.hpp"
#include "octl/print/output.hpp"

namespace octo::octl {

Document document_of(const api::TaskList& list);
Document document_of(const api::TaskDetail& detail);

}  // namespace octo::octl
