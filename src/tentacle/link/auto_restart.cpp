// SPDX-License-Identifier: MIT
#include "tentacle/link/auto_restart.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "io/files/files.hpp"

namespace octo::tentacle {

namespace {

constexpr std::size_t kFileBytesMax = 4096;

std::int64_t milliseconds_of(Instant time) {
  return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

bool is_refusal(const Error& error) {
  return error.code() == ErrorCode::forbidden || error.code() == ErrorCode::conflict ||
         error.code() == ErrorCode::corrupt;
}

AutoRestart::AutoRestart(Rule rule, std::string file, std::string boot_id, Instant now)
    : rule_(rule), file_(std::move(file)), boot_id_(std::move(boot_id)), since_(now) {
  load(now);
}

// "<starts> <boot id> <ms since that boot>" of the last start, or "<starts>" alone.
void AutoRestart::load(Instant now) {
  const auto text = files::load(file_, kFileBytesMax);
  if (!text && text.error().code() == ErrorCode::not_found) return;
  const std::vector<std::string> words = text ? split(trim(*text), ' ') : std::vector<std::string>();
  const auto starts = words.empty() ? std::nullopt : parse_number(words[0]);
  const auto start = words.size() == 3 ? parse_number(words[2]) : std::nullopt;
  if (!starts || *starts < 0 || (words.size() != 1 && !start)) {
    starts_ = starts_max;
    damage_ = text ? Error(ErrorCode::corrupt, fmt::format("{} is damaged", quote(file_))) : text.error();
    return;
  }
  starts_ = static_cast<int>(std::min<std::int64_t>(*starts, starts_max));
  if (start && words[1] == boot_id_) last_start_ = std::min(now, Instant(std::chrono::milliseconds(*start)));
}

Result<void> AutoRestart::joined() {
  if (starts_ == 0) return {};
  OCTO_TRY(files::save(file_, "0").with("forget the auto restarts that were tried"));
  starts_ = 0;
  damage_.reset();
  return {};
}

void AutoRestart::session_ended(Instant now) {
  rounds_ = 0;
  since_ = now;
}

void AutoRestart::round_failed(const Error& why, Instant now) {
  if (is_refusal(why)) session_ended(now);
  else ++rounds_;
}

bool AutoRestart::is_due(Instant now) const {
  if (running_ || starts_ >= starts_max) return false;
  if (last_start_ && now - *last_start_ < pause) return false;
  // Divided, because the product may be more than a Span can hold.
  return rounds_ >= rule_.rounds && (now - since_) / std::max(1, rule_.rounds) >= rule_.interval;
}

Result<int> AutoRestart::begin(Instant now) {
  const int number = starts_ + 1;
  OCTO_TRY(files::save(file_, fmt::format("{} {} {}", number, boot_id_, milliseconds_of(now)))
               .with("count an auto restart"));
  starts_ = number;
  last_start_ = now;
  running_ = true;
  session_ended(now);
  return number;
}

}  // namespace octo::tentacle
