// SPDX-License-Identifier: MIT
// libFuzzer target: whatever a command prints, nothing of what octl shows can steer a terminal, and it is the
// same however the bytes are cut.
#include <cstdint>
#include <cstdlib>

#include "octl/print/visible.hpp"

namespace octo::octl {
namespace {

void require(bool fact) {
  if (!fact) std::abort();
}

void judge(std::string_view bytes, std::size_t piece) {
  Visible whole, cut;
  std::string shown = whole.feed(bytes);
  shown += whole.finish();
  std::string in_pieces;
  for (std::size_t at = 0; at < bytes.size(); at += piece) in_pieces += cut.feed(bytes.substr(at, piece));
  in_pieces += cut.finish();
  require(shown == in_pieces);
  for (std::string_view left = shown; !left.empty();) {
    const CodePoint point = next_code_point(left);
    require(point.valid && (point.value == '\n' || point.value == '\t' || !steers(point.value)));
    left.remove_prefix(point.bytes);
  }
}

}  // namespace
}  // namespace octo::octl

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  octo::octl::judge({reinterpret_cast<const char*>(data) + 1, size - 1}, 1 + data[0] % 16);
  return 0;
}
