// SPDX-License-Identifier: MIT
// What an entry may be and who may write it. Pure.
#pragma once
#include <optional>

#include "api/names.hpp"
#include "base/time.hpp"
#include "io/crypto/identity.hpp"

namespace octo::nameserver {

inline constexpr std::size_t kKeyBytesMax = 255;          // as a DNS name
inline constexpr std::size_t kValueBytesMax = 4096;       // an address, a number, a short list
inline constexpr std::size_t kDescriptionBytesMax = 512;  // a sentence
inline constexpr std::size_t kNamesMax = 10'000;          // with the bounds above at most 50 MB
inline constexpr Span kTtlDefault = 5s;                   // the original's
inline constexpr std::int64_t kTtlMsMax =
    10LL * 365 * 86'400 * 1000;  // ten years; longer is for ever, which is negative

// invalid_argument or too_large, naming the key and the member.
Result<void> check_entry(const api::NameEntry& entry);
// How long it is to be kept; nothing: for ever.
std::optional<Span> life_of(const api::NameEntry& entry);

// Brain B owns the names that begin with "B."; nobody else writes them, and nobody writes others.
Result<void> check_writer(const std::optional<crypto::Identity>& writer, std::string_view key);

bool fits(api::NameMatch match, std::string_view text, std::string_view key);

}  // namespace octo::nameserver
