// SPDX-License-Identifier: MIT
#include "octl/print/groups.hpp"

#include <algorithm>
#include <tuple>

#include "domain/fold.hpp"
#include "octl/print/diff.hpp"
#include "octl/print/visible.hpp"

namespace octo::octl {

namespace {

bool is_plain(const RunRow& row) { return row.state == RunState::succeeded && row.id.attempt == 1; }

// All that the run wrote, each stream ended by an end of line.
std::string body_of(const RunView& run, const Look& look) {
  std::string body;
  for (const RunView::Stream* stream : {&run.out, &run.err, &run.note}) {
    body += look.raw ? stream->text : visible(stream->text);
    if (!body.empty() && !body.ends_with('\n')) body += '\n';
  }
  return body;
}

std::string indent(std::string_view body) {
  std::string out;
  if (body.empty()) return out;
  for (const std::string& line : split(body.substr(0, body.size() - 1), '\n'))
    out += fmt::format("  {}\n", line);
  return out;
}

std::string paint_names(const Group& group, Colour colour) {
  const bool well = group.runs.front()->row.state == RunState::succeeded;
  return paint(group.names, well ? Mood::good : Mood::bad, colour);
}

}  // namespace

std::vector<Group> group_equal(const TaskView& view) {
  using Likeness = std::tuple<std::string, std::string_view, std::string_view, std::string_view>;
  std::map<Likeness, Group> by_likeness;
  for (const RunView* run : in_order(view)) {
    by_likeness[Likeness{print_outcome(run->row), run->out.text, run->err.text, run->note.text}]
        .runs.push_back(run);
  }
  std::vector<Group> groups;
  for (auto& [likeness, group] : by_likeness) groups.push_back(std::move(group));
  std::ranges::sort(groups, [](const Group& left, const Group& right) {
    if (left.runs.size() != right.runs.size()) return left.runs.size() < right.runs.size();
    return natural_less(left.runs.front()->row.id.node.str(), right.runs.front()->row.id.node.str());
  });
  for (Group& group : groups) {
    std::vector<std::string> names;
    for (const RunView* run : group.runs) names.push_back(run->row.id.node.str());
    group.names = fold_names(std::move(names));
  }
  return groups;
}

std::string print_head(const Group& group, Colour colour) {
  return fmt::format("{}: {}", paint_names(group, colour),
                     visible_line(print_outcome(group.runs.front()->row)));
}

std::string print(const Group& group, const Look& look) {
  const RunView& run = *group.runs.front();
  const std::string body = body_of(run, look);
  const std::string names = paint_names(group, look.out_colour);
  if (!is_plain(run.row)) return print_head(group, look.out_colour) + "\n" + indent(body);
  if (body.empty()) return fmt::format("{}: ok\n", names);
  if (std::ranges::count(body, '\n') == 1) return fmt::format("{}: {}", names, body);
  return fmt::format("{}:\n{}", names, indent(body));
}

std::string print_difference(const Group& group, const Group& from, const Look& look) {
  const std::string lines = unified_diff({.from_name = from.names,
                                          .from = body_of(*from.runs.front(), look),
                                          .to_name = group.names,
                                          .to = body_of(*group.runs.front(), look)});
  if (lines.empty())
    return fmt::format("{}, the same output as {}\n", print_head(group, look.out_colour), from.names);
  return fmt::format("{}\n{}", print_head(group, look.out_colour), indent(lines));
}

}  // namespace octo::octl
