// SPDX-License-Identifier: MIT
// NDJSON as events; private to the room.
#pragma once
#include "client/brain.hpp"

namespace octo::client {

class LineEvents final : public TaskEvents {
 public:
  explicit LineEvents(std::unique_ptr<http::BodyReader> body) : body_(std::move(body)) {}
  Async<Result<std::optional<TaskEvent>>> next() override;
  // The task that the stream is about: in the first line, before its events.
  Async<Result<std::string>> next_line();  // empty: the end

 private:
  std::unique_ptr<http::BodyReader> body_;
  Bytes buffer_;
  std::size_t begin_ = 0;     // of the next line in it
  std::size_t searched_ = 0;  // no line ends before
  bool done_ = false;
};

}  // namespace octo::client
