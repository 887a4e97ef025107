// SPDX-License-Identifier: MIT
#include "tentacle/runs/spool_reader.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "io/files/files.hpp"

namespace octo::tentacle {

std::vector<std::string> names_in(const std::string& folder) {
  auto names = files::list(folder);
  return names ? std::move(*names) : std::vector<std::string>();
}

namespace {

constexpr std::size_t kHeadsBytes = runner::kFrameHeadBytes + runner::kPieceHeadBytes;
using Segments = std::array<std::vector<std::uint64_t>, 3>;

Segments segments_of(const std::string& folder) {
  Segments segments;
  for (const std::string& name : names_in(folder)) {
    if (const auto segment = runner::parse_segment_name(name))
      segments[segment->stream - 1U].push_back(segment->number);
  }
  for (auto& numbers : segments) std::ranges::sort(numbers);
  return segments;
}

class SegmentFile {
 public:
  SegmentFile(const std::string& folder, std::uint8_t stream, std::uint64_t number)
      : fd_(::open(files::join(folder, runner::segment_name(stream, number)).c_str(),
                   O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) {}
  ~SegmentFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  SegmentFile(const SegmentFile&) = delete;
  SegmentFile& operator=(const SegmentFile&) = delete;

  struct Heads {
    std::size_t length = 0;  // of the payload
    std::uint64_t sequence = 0;
    std::uint64_t offset = 0;  // in the stream
    std::uint64_t end() const { return offset + length - runner::kPieceHeadBytes; }
  };
  // Nothing at the end, and where no piece can begin.
  std::optional<Heads> heads_at(std::uint64_t position) const {
    char bytes[kHeadsBytes];
    if (fd_ < 0 || ::pread(fd_, bytes, sizeof bytes, static_cast<off_t>(position)) != sizeof bytes)
      return std::nullopt;
    const BytesView view(bytes, sizeof bytes);
    Heads heads{.length = get_unsigned<std::uint32_t>(view),
                .sequence = get_unsigned<std::uint64_t>(view.substr(runner::kFrameHeadBytes + 1)),
                .offset = get_unsigned<std::uint64_t>(view.substr(runner::kFrameHeadBytes + 9))};
    if (heads.length <= runner::kPieceHeadBytes ||
        heads.length > runner::kPieceHeadBytes + runner::kPieceBytesMax)
      return std::nullopt;
    return heads;
  }
  // The whole frame; shorter while it is being written.
  Bytes frame_at(std::uint64_t position, std::size_t length) const {
    Bytes bytes(runner::kFrameHeadBytes + length, '\0');
    const ssize_t got = ::pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(position));
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }

 private:
  int fd_;
};

}  // namespace

// The next piece beyond the cursor's mark. A segment that ends early, or is damaged, is left for the next one
// there is: the listing is older than the reading, so a segment with a successor in it was complete.
std::optional<SpoolReader::Next> SpoolReader::peek(OutputStream stream, Cursor cursor,
                                                   const std::vector<std::uint64_t>& segments) const {
  const auto number = static_cast<std::uint8_t>(stream);
  while (true) {
    const SegmentFile file(folder_, number, cursor.segment);
    while (const auto heads = file.heads_at(cursor.position)) {
      const std::uint64_t next = cursor.position + runner::kFrameHeadBytes + heads->length;
      if (heads->end() <= cursor.mark) {
        cursor.position = next;
        continue;
      }
      const Bytes bytes = file.frame_at(cursor.position, heads->length);
      const runner::Frame frame = runner::frame_at(bytes, 0);
      if (frame.state != runner::FrameState::whole) break;
      const auto piece = runner::decode_piece(frame.payload);
      if (!piece || piece->stream != number) break;
      const std::uint64_t known = cursor.mark > piece->offset ? cursor.mark - piece->offset : 0;
      return Next{.sequence = piece->sequence,
                  .piece = {stream, piece->offset + known, Bytes(piece->bytes.substr(known))},
                  .after = {heads->end(), cursor.segment, next}};
    }
    const auto later = std::ranges::upper_bound(segments, cursor.segment);
    if (later == segments.end()) return std::nullopt;
    cursor.segment = *later;
    cursor.position = 0;
  }
}

std::vector<OutputPiece> SpoolReader::read(const OutputMark& from, std::size_t bytes_max) {
  const Segments segments = segments_of(folder_);
  std::array<std::optional<Next>, 3> heads;
  const auto fetch = [&](std::size_t i) {
    heads[i] = peek(static_cast<OutputStream>(i + 1), cursors_[i], segments[i]);
  };
  for (std::size_t i = 0; i < 3; ++i) {
    const std::uint64_t mark = from.of(static_cast<OutputStream>(i + 1));
    if (cursors_[i].mark != mark) cursors_[i] = {.mark = mark};
    fetch(i);
  }
  std::vector<OutputPiece> pieces;
  for (std::size_t bytes = 0; bytes < bytes_max;) {
    std::optional<std::size_t> first;
    for (std::size_t i = 0; i < 3; ++i) {
      if (heads[i] && (!first || heads[i]->sequence < heads[*first]->sequence)) first = i;
    }
    if (!first) break;
    Next next = std::move(*heads[*first]);
    bytes += next.piece.bytes.size();
    cursors_[*first] = next.after;
    OutputPiece* last = pieces.empty() ? nullptr : &pieces.back();
    if (last != nullptr && last->stream == next.piece.stream &&
        last->offset + last->bytes.size() == next.piece.offset &&
        last->bytes.size() + next.piece.bytes.size() <= runner::kPieceBytesMax) {
      last->bytes += next.piece.bytes;
    } else {
      pieces.push_back(std::move(next.piece));
    }
    fetch(*first);
  }
  return pieces;
}

OutputMark output_ends(const std::string& folder) {
  const Segments segments = segments_of(folder);
  OutputMark ends;
  for (std::uint8_t stream = 1; stream <= 3; ++stream) {
    // The newest may be empty still: its runner died as it went on to it.
    for (auto number = segments[stream - 1U].rbegin(); number != segments[stream - 1U].rend(); ++number) {
      const SegmentFile file(folder, stream, *number);
      std::uint64_t position = 0;
      while (const auto heads = file.heads_at(position)) {
        position += runner::kFrameHeadBytes + heads->length;
        ends.of(static_cast<OutputStream>(stream)) = heads->end();
      }
      if (position > 0) break;
    }
  }
  return ends;
}

}  // namespace octo::tentacle
