// SPDX-License-Identifier: MIT
// libFuzzer target: whatever a disk gives back, a run's files are judged and never believed blindly; what is
// read can be written and read again.
#include <cstdint>
#include <cstdlib>

#include "runner/format.hpp"

namespace octo::runner {
namespace {

void require(bool fact) {
  if (!fact) std::abort();
}

void judge(BytesView file) {
  if (const auto intent = decode_intent(file)) require(decode_intent(encode(*intent)).value() == *intent);
  if (const auto claim = decode_claim(file)) require(decode_claim(encode(*claim)).value() == *claim);
  if (const auto record = decode_record(file)) {
    require(record->whole_bytes <= file.size());
    if (record->ended) require(decode_record(encode(*record->ended))->ended == record->ended);
  }
  for (std::size_t at = 0;;) {
    const Frame frame = frame_at(file, at);
    if (frame.state != FrameState::whole) break;
    require(frame.next > at && frame.next <= file.size());
    (void)decode_piece(frame.payload);
    at = frame.next;
  }
  (void)parse_segment_name(file);
}

}  // namespace
}  // namespace octo::runner

// The first byte says whether a checksum is put right, so that what is behind it is reached too.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const octo::BytesView bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  octo::runner::judge(bytes);
  octo::Bytes framed;
  if (data[0] % 2 == 1) octo::runner::put_frame(framed, bytes);
  octo::runner::judge(framed);
  return 0;
}
