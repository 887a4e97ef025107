// SPDX-License-Identifier: MIT
#include "octl/print/diff.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/text.hpp"

namespace octo::octl {

namespace {

constexpr std::size_t kAround = 3;

using Lines = std::vector<std::string_view>;

Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

struct Edit {
  char sign;  // ' ', '-', '+'
  std::string_view line;
};

// By the longest common subsequence of what lies between the common beginning and end.
class Comparison {
 public:
  Comparison(const Lines& from, const Lines& to) : from_(from), to_(to) {
    const std::size_t shorter = std::min(from.size(), to.size());
    while (begin_ < shorter && from[begin_] == to[begin_]) ++begin_;
    while (end_ < shorter - begin_ && from[from.size() - 1 - end_] == to[to.size() - 1 - end_]) ++end_;
    rows_ = from.size() - begin_ - end_;
    columns_ = to.size() - begin_ - end_;
  }

  std::vector<Edit> edits() {
    std::vector<Edit> edits;
    for (std::size_t i = 0; i < begin_; ++i) edits.push_back({' ', from_[i]});
    const bool small = rows_ + 1 <= kDiffCellsMax / (columns_ + 1);
    if (small) measure();
    std::size_t i = 0, j = 0;
    while (small && i < rows_ && j < columns_) {
      if (left(i) == right(j)) edits.push_back({' ', left(i++)}), ++j;
      else if (common(i + 1, j) >= common(i, j + 1)) edits.push_back({'-', left(i++)});
      else edits.push_back({'+', right(j++)});
    }
    for (; i < rows_; ++i) edits.push_back({'-', left(i)});
    for (; j < columns_; ++j) edits.push_back({'+', right(j)});
    for (std::size_t k = from_.size() - end_; k < from_.size(); ++k) edits.push_back({' ', from_[k]});
    return edits;
  }

 private:
  std::string_view left(std::size_t i) const { return from_[begin_ + i]; }
  std::string_view right(std::size_t j) const { return to_[begin_ + j]; }
  std::uint32_t& common(std::size_t i, std::size_t j) { return cells_[i * (columns_ + 1) + j]; }
  void measure() {
    cells_.assign((rows_ + 1) * (columns_ + 1), 0);
    for (std::size_t i = rows_; i-- > 0;) {
      for (std::size_t j = columns_; j-- > 0;) {
        common(i, j) =
            left(i) == right(j) ? common(i + 1, j + 1) + 1 : std::max(common(i + 1, j), common(i, j + 1));
      }
    }
  }

  const Lines& from_;
  const Lines& to_;
  std::size_t begin_ = 0, end_ = 0;  // lines in common at both ends
  std::size_t rows_ = 0, columns_ = 0;
  std::vector<std::uint32_t> cells_;
};

std::string print_range(std::size_t before, std::size_t count) {
  const std::size_t first = count == 0 ? before : before + 1;
  return count == 1 ? fmt::format("{}", first) : fmt::format("{},{}", first, count);
}

// Edits [begin, end) are one hunk; so many lines of each side lie before it.
struct Hunk {
  std::size_t begin = 0, end = 0;
  std::size_t from_before = 0, to_before = 0;
};

std::vector<Hunk> hunks_of(const std::vector<Edit>& edits) {
  std::vector<Hunk> hunks;
  std::size_t from = 0, to = 0;
  for (std::size_t i = 0; i < edits.size(); ++i) {
    if (edits[i].sign != ' ') {
      const std::size_t begin = i > kAround ? i - kAround : 0;
      const std::size_t end = std::min(i + kAround + 1, edits.size());
      if (!hunks.empty() && begin <= hunks.back().end) hunks.back().end = end;
      else hunks.push_back({begin, end, from - (i - begin), to - (i - begin)});
    }
    from += edits[i].sign != '+' ? 1 : 0;
    to += edits[i].sign != '-' ? 1 : 0;
  }
  return hunks;
}

std::string print(const Hunk& hunk, const std::vector<Edit>& edits) {
  std::size_t from = 0, to = 0;
  std::string body;
  for (std::size_t i = hunk.begin; i < hunk.end; ++i) {
    from += edits[i].sign != '+' ? 1 : 0;
    to += edits[i].sign != '-' ? 1 : 0;
    body += edits[i].sign;
    body += edits[i].line;
    if (!body.ends_with('\n')) body += "\n\\ No newline at end of file\n";
  }
  return fmt::format("@@ -{} +{} @@\n{}", print_range(hunk.from_before, from),
                     print_range(hunk.to_before, to), body);
}

std::string shorten(std::string text) {
  std::size_t lines = 0;
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos;) {
    ++at;
    if (++lines != kDiffLinesMax || at == text.size()) continue;
    const auto more = std::count(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), '\n');
    text.resize(at);
    return text + fmt::format("... {} more lines\n", more);
  }
  return text;
}

}  // namespace

std::string unified_diff(const DiffOf& texts) {
  if (texts.from == texts.to) return {};
  const Lines from = lines_of(texts.from);
  const Lines to = lines_of(texts.to);
  const std::vector<Edit> edits = Comparison(from, to).edits();
  std::string out = fmt::format("--- {}\n+++ {}\n", texts.from_name, texts.to_name);
  for (const Hunk& hunk : hunks_of(edits)) out += print(hunk, edits);
  return shorten(std::move(out));
}

}  // namespace octo::octl
