// SPDX-License-Identifier: MIT
#include "client/events.hpp"

namespace octo::client {

namespace {
constexpr std::size_t kLineMax = 4 * 1024 * 1024;  // an output piece of 256 KiB as JSON, and far more
}

Async<Result<std::string>> LineEvents::next_line() {
  while (true) {
    if (const auto end = buffer_.find('\n', searched_); end != std::string::npos) {
      std::string line = buffer_.substr(begin_, end - begin_);
      begin_ = searched_ = end + 1;
      if (!line.empty()) co_return line;  // an empty one is a heartbeat
      continue;
    }
    buffer_.erase(0, std::exchange(begin_, 0));
    searched_ = buffer_.size();
    if (buffer_.size() > kLineMax)
      co_return fail(ErrorCode::too_large, "the Brain sent a line over {} bytes", kLineMax);
    const Bytes piece = OCTO_CO_TRY(co_await body_->read());
    if (piece.empty()) {
      if (!buffer_.empty())
        co_return fail(ErrorCode::unavailable, "the stream of events ended in the middle of a line");
      co_return std::string();
    }
    buffer_ += piece;
  }
}

Async<Result<std::optional<TaskEvent>>> LineEvents::next() {
  if (done_) co_return std::nullopt;
  const std::string line = OCTO_CO_TRY(co_await next_line());
  if (line.empty()) co_return fail(ErrorCode::unavailable, "the stream of events ended before the task did");
  TaskEvent event = OCTO_CO_TRY(api::decode_task_event(line));
  if (event.kind == TaskEvent::Kind::done) done_ = true;
  co_return std::optional(std::move(event));
}

}  // namespace octo::client
