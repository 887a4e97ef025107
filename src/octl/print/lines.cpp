// SPDX-License-Identifier: MIT
#include "octl/print/lines.hpp"

#include "octl/print/visible.hpp"

namespace octo::octl {

void LiveLines::feed(const std::string& node, OutputStream stream, BytesView bytes) {
  std::string& begun = begun_[{node, stream}];
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::size_t room = kLineBytesMax - begun.size();
    if (end != BytesView::npos && end <= room) {
      begun += bytes.substr(0, end);
      bytes.remove_prefix(end + 1);
    } else if (bytes.size() >= room) {
      begun += bytes.substr(0, room);
      bytes.remove_prefix(room);
    } else {
      begun += bytes;
      break;
    }
    print_line(node, stream, std::exchange(begun, {}));
  }
  output_.flush();
}

void LiveLines::finish() {
  for (auto& [from, begun] : begun_) {
    if (!begun.empty()) print_line(from.first, from.second, std::exchange(begun, {}));
  }
}

void LiveLines::print_line(const std::string& node, OutputStream stream, std::string_view line) {
  const Look& look = output_.look();
  const bool err = stream == OutputStream::err;
  if (!look.raw && line.ends_with('\r')) line.remove_suffix(1);
  const std::string text =
      fmt::format("{}: {}\n", paint(node, colour_of(node), err ? look.err_colour : look.out_colour),
                  look.raw ? std::string(line) : visible(line));
  if (err) output_.write_err(text);
  else output_.write(text);
}

std::size_t colour_of(std::string_view name) {
  // Neighbours differ: most fleets count their nodes.
  const std::size_t stem = name.find_last_not_of("0123456789") + 1;
  const auto number = parse_number(name.substr(stem).substr(0, 9)).value_or(0);
  return crc32c(name.substr(0, stem)) + static_cast<std::size_t>(number);
}

}  // namespace octo::octl
