// SPDX-License-Identifier: MIT
#pragma once
#include "api/records.hpp"
#include "octl/print/output.hpp"

namespace octo::octl {

// The shape of the README's quick start. No key but "name", and no value but names, contains "name": people
// grep for it.
Document document_of(const api::NodeList& list);
// Names alone, one a line for people.
Document names_of(const api::NodeList& list);
Document document_of(const api::NodeStatusList& list);
Document document_of(const api::Pruned& pruned);

}  // namespace octo::octl
