// SPDX-License-Identifier: MIT
// Events by hand, and an Output whose text can be read back; for tests.
#pragma once
#include <cstdio>
#include <string>

#include "octl/print/viewer.hpp"

namespace octo::octl {

inline TaskEvent wrote(const std::string& node, const std::string& bytes, std::uint64_t offset,
                       OutputStream stream = OutputStream::out) {
  TaskEvent event{.kind = TaskEvent::Kind::output};
  event.run.id = {.task = TaskId("T"), .node = NodeName(node)};
  event.output = {.stream = stream, .offset = offset, .bytes = bytes};
  return event;
}

inline TaskEvent ended(const std::string& node, RunState state, std::optional<int> code,
                       const std::string& reason = "") {
  TaskEvent event{.kind = TaskEvent::Kind::state};
  event.run.id = {.task = TaskId("T"), .node = NodeName(node)};
  event.run.state = state;
  event.run.end.state = state;
  event.run.end.exit_code = code;
  event.run.end.reason = reason;
  return event;
}

inline TaskEvent finished(TaskState outcome) { return {.kind = TaskEvent::Kind::done, .outcome = outcome}; }

class Captured {
 public:
  explicit Captured(Look look = {}, std::FILE* out = std::tmpfile()) : out_(out), output(look, out_, err_) {}
  ~Captured() {
    std::fclose(out_);
    std::fclose(err_);
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  std::string out() { return read(out_); }
  std::string err() { return read(err_); }

 private:
  static std::string read(std::FILE* file) {
    std::fflush(file);
    std::rewind(file);
    std::string text(1024 * 1024, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file));
    return text;
  }
  std::FILE* out_;
  std::FILE* err_ = std::tmpfile();

 public:
  Output output;
};

}  // namespace octo::octl
