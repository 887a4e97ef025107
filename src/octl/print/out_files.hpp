// SPDX-License-Identifier: MIT
// --outdir: what each node wrote, byte by byte, as <folder>/<node>.stdout, .stderr and .note. Of a scenario
// the step stands between. Only the last attempt stays.
#pragma once
#include <map>
#include <string>
#include <tuple>

#include "base/result.hpp"
#include "domain/task.hpp"

namespace octo::octl {

class OutFiles {
 public:
  explicit OutFiles(std::string folder) : folder_(std::move(folder)) {}
  // The first thing that could not be written; after it nothing is.
  Result<void> take(const TaskEvent& event);

 private:
  Result<void> write(const RunRow& run, OutputStream stream, BytesView bytes);
  Result<void> take_once(const TaskEvent& event);

  std::string folder_;
  std::map<std::tuple<std::uint32_t, NodeName, OutputStream>, std::uint32_t> attempts_;  // begun files
  std::map<std::pair<std::uint32_t, NodeName>, std::string> titles_;
  std::optional<Error> failed_;
};

}  // namespace octo::octl
