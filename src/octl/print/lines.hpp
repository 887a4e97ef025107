// SPDX-License-Identifier: MIT
// Output of several nodes as it comes: whole lines, each with its node before it in a colour of its own.
#pragma once
#include <map>
#include <string>
#include <utility>

#include "domain/run.hpp"
#include "octl/print/output.hpp"

namespace octo::octl {

class LiveLines {
 public:
  // A longer line is printed in pieces.
  static constexpr std::size_t kLineBytesMax = 64 * 1024;

  explicit LiveLines(Output& output) : output_(output) {}
  void feed(const std::string& node, OutputStream stream, BytesView bytes);
  void finish();  // what lacks its end of line

 private:
  void print_line(const std::string& node, OutputStream stream, std::string_view line);

  Output& output_;
  std::map<std::pair<std::string, OutputStream>, std::string> begun_;
};

// The colour of a node's name: the same in every call, whoever else takes part.
std::size_t colour_of(std::string_view name);

}  // namespace octo::octl
