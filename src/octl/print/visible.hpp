// SPDX-License-Identifier: MIT
// Foreign text for a terminal: what could steer it (escape sequences, control and bidirectional characters)
// is shown, not obeyed.
#pragma once
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace octo::octl {

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 1;  // one when invalid
  bool valid = false;
  bool cut = false;  // invalid only because the text ends here
};
CodePoint next_code_point(std::string_view text);  // of a text that is not empty
// C0, DEL, C1, line separators, bidirectional overrides and isolates.
bool steers(char32_t point);

// Bytes of a stream in pieces; a character cut in two is held back until the rest comes.
class Visible {
 public:
  std::string feed(BytesView piece);
  std::string finish();

 private:
  std::string held_;
};

// A whole text. '\n' and '\t' pass, "\r\n" becomes '\n', the rest that steers or is no UTF-8 is written like
// \x1b or \u202e.
std::string visible(std::string_view text);
// For one cell or one line: '\n' and '\t' are written too.
std::string visible_line(std::string_view text);
// Columns that a visible text takes, counted in characters.
std::size_t width_of(std::string_view text);

}  // namespace octo::octl
