// SPDX-License-Identifier: MIT
#include "domain/version.hpp"

#include <set>

namespace octo {

namespace {

constexpr std::size_t kPrefixMin = 3;

void add(std::string& text, std::string_view field) { text += fmt::format("{}:{}\n", field.size(), field); }

}  // namespace

std::string canonical(const ScenarioVersion& version) {
  std::string text = "octopoda scenario version 1\n";
  add(text, version.parent);
  add(text, version.scenario.str());
  add(text, print_hex(version.bundle));
  add(text, std::to_string(version.made.time_since_epoch().count()));
  add(text, version.message);
  add(text, std::to_string(version.commits.size()));
  for (const auto& [at, commit] : version.commits) {
    add(text, at.node.str());
    add(text, at.app.str());
    add(text, commit);
  }
  add(text, std::to_string(version.missing.size()));
  for (const NodeAppAt& at : version.missing) {
    add(text, at.node.str());
    add(text, at.app.str());
  }
  return text;
}

Result<std::string> find_by_prefix(const std::vector<std::string>& ids, std::string_view prefix) {
  if (prefix.size() < kPrefixMin) {
    return fail(ErrorCode::invalid_argument, "version {} is too short: give at least {} characters",
                quote(prefix), kPrefixMin);
  }
  std::set<std::string> matches;
  for (const std::string& id : ids) {
    if (id.starts_with(prefix)) matches.insert(id);
  }
  if (matches.empty()) return fail(ErrorCode::not_found, "no version begins with {}", quote(prefix));
  if (matches.size() == 1) return *matches.begin();
  constexpr std::size_t kShown = 12;
  std::vector<std::string> shown;
  for (const std::string& id : matches) shown.push_back(id.substr(0, std::max(kShown, prefix.size() + 4)));
  return fail(ErrorCode::conflict, "version {} is ambiguous: {}", quote(prefix), join(shown, ", "));
}

}  // namespace octo
