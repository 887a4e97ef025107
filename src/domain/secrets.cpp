// SPDX-License-Identifier: MIT
#include "domain/secrets.hpp"

#include <algorithm>
#include <set>

#include "domain/limits.hpp"

namespace octo {

namespace {

bool is_name(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto fits = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= limits::secret_name_bytes_max && letter(text.front()) &&
         std::ranges::all_of(text, fits);
}

}  // namespace

std::string secret_variable(std::string_view name) { return fmt::format("OCTOPODA_SECRET_{}", name); }

Result<void> check(std::span<const SecretFile> secrets) {
  if (secrets.size() > limits::secrets_max)
    return fail(ErrorCode::too_large, "{} secrets, {} at most", secrets.size(), limits::secrets_max);
  std::set<std::string_view> names;
  for (const auto& [name, value] : secrets) {
    if (!is_name(name)) {
      return fail(ErrorCode::invalid_argument,
                  "{} is no name for a secret: letters, digits and '_', {} at most, no digit first",
                  quote(name), limits::secret_name_bytes_max);
    }
    if (!names.insert(name).second)
      return fail(ErrorCode::invalid_argument, "secret {} is there twice", name);
    if (value.empty()) return fail(ErrorCode::invalid_argument, "secret {} is empty", name);
    if (value.reveal().size() > limits::secret_bytes_max) {
      return fail(ErrorCode::too_large, "secret {} has {} bytes, {} at most", name, value.reveal().size(),
                  limits::secret_bytes_max);
    }
  }
  return {};
}

}  // namespace octo
