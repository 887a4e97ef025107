// SPDX-License-Identifier: MIT
// libFuzzer target: a frame's head and the messages in frames, from bytes of any kind: judged without a
// crash, and what can be read can be written and read again.
#include <cstdint>
#include <cstdlib>

#include "wire/frame.hpp"
#include "wire/messages.hpp"

namespace octo::wire {
namespace {

void require(bool fact) {
  if (!fact) std::abort();
}

void judge_head(BytesView bytes) {
  if (bytes.size() < kHeaderBytes) return;
  const auto header = decode_header(bytes);
  if (!header) return require(!header.error().message().empty());
  require(encode(*header) == bytes.substr(0, kHeaderBytes));
}

// The second time nothing may change any more: what one side takes the other one takes alike.
void judge_message(BytesView bytes) {
  if (const auto order = decode_from_brain(bytes)) {
    const Bytes once = encode(*order);
    const auto again = decode_from_brain(once);
    require(again && encode(*again) == once);
  }
  if (const auto report = decode_from_node(bytes)) {
    const Bytes once = encode(*report);
    const auto again = decode_from_node(once);
    require(again && encode(*again) == once);
  }
}

}  // namespace
}  // namespace octo::wire

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const octo::BytesView bytes(reinterpret_cast<const char*>(data), size);
  octo::wire::judge_head(bytes);
  octo::wire::judge_message(bytes);
  return 0;
}
