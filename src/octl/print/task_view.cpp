// SPDX-License-Identifier: MIT
#include "octl/print/task_view.hpp"

#include <algorithm>
#include <tuple>

#include "domain/fold.hpp"
#include "octl/print/visible.hpp"

namespace octo::octl {

std::uint64_t RunView::dropped() const {
  if (!is_final(row.state)) return 0;
  const auto lacking = [](std::uint64_t wrote, const Stream& have) {
    return wrote > have.text.size() ? wrote - have.text.size() : 0;
  };
  return lacking(row.end.out_bytes, out) + lacking(row.end.err_bytes, err) +
         lacking(row.end.note_bytes, note);
}

void TaskView::apply(TaskEvent& event) {
  switch (event.kind) {
    case TaskEvent::Kind::accepted: break;
    case TaskEvent::Kind::note: notes_.push_back(event.text); break;
    case TaskEvent::Kind::state: {
      RunRow& row = runs_[event.run.id].row;
      const auto pid = event.run.pid ? event.run.pid : row.pid;
      std::string title = event.run.title.empty() ? std::move(row.title) : event.run.title;
      row = event.run;
      row.pid = pid;
      row.title = std::move(title);
      break;
    }
    case TaskEvent::Kind::output: {
      RunView& run = runs_[event.run.id];
      run.row.id = event.run.id;
      RunView::Stream& stream = run.of(event.output.stream);
      OutputPiece& piece = event.output;
      if (piece.offset < stream.next) {
        piece.bytes.erase(0, static_cast<std::size_t>(
                                 std::min<std::uint64_t>(stream.next - piece.offset, piece.bytes.size())));
        piece.offset = stream.next;
      }
      stream.next = piece.offset + piece.bytes.size();
      if (keep_ == Keep::output && kept_ + piece.bytes.size() <= kOutputBytesMax) {
        stream.text += piece.bytes;
        kept_ += piece.bytes.size();
      }
      break;
    }
    case TaskEvent::Kind::done:
      done_ = true;
      outcome_ = event.outcome;
      break;
  }
}

const RunView* TaskView::find(const RunId& id) const {
  const auto found = runs_.find(id);
  return found == runs_.end() ? nullptr : &found->second;
}

bool TaskView::all_started() const {
  return !runs_.empty() && std::ranges::all_of(runs_, [](const auto& entry) {
    return is_final(entry.second.row.state) ||
           (entry.second.row.state == RunState::running && entry.second.row.pid);
  });
}

std::map<RunState, std::size_t> TaskView::counts() const {
  std::map<RunState, std::size_t> counts;
  for (const auto& [id, run] : runs_) ++counts[run.row.state];
  return counts;
}

std::string print_outcome(const RunRow& row) {
  std::string out;
  if (row.state == RunState::succeeded) return "ok";
  if (row.state == RunState::failed && row.end.exit_code) out = fmt::format("exit {}", *row.end.exit_code);
  else if (row.state == RunState::failed && row.end.signal) out = fmt::format("signal {}", *row.end.signal);
  else if (row.state == RunState::running && row.pid) out = fmt::format("running, pid {}", *row.pid);
  else out = name_of(row.state);
  if (!row.end.reason.empty()) out += ": " + row.end.reason;
  return out;
}

std::vector<const RunView*> in_order(const TaskView& view) {
  std::vector<const RunView*> runs;
  for (const auto& [id, run] : view.runs()) runs.push_back(&run);
  std::ranges::sort(runs, [](const RunView* left, const RunView* right) {
    if (left->row.id.step != right->row.id.step) return left->row.id.step < right->row.id.step;
    return natural_less(left->row.id.node.str(), right->row.id.node.str());
  });
  return runs;
}

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

std::string print(const Group& group, const Look& look) {
  const RunView& run = *group.runs.front();
  const bool well = run.row.state == RunState::succeeded;
  std::string body;
  for (const RunView::Stream* stream : {&run.out, &run.err, &run.note}) {
    body += look.raw ? stream->text : visible(stream->text);
    if (!body.empty() && !body.ends_with('\n')) body += '\n';
  }
  const std::string names = paint(group.names, well ? Mood::good : Mood::bad, look.out_colour);
  if (well && body.empty()) return fmt::format("{}: ok\n", names);
  if (well && std::ranges::count(body, '\n') == 1) return fmt::format("{}: {}", names, body);
  std::string out = well ? fmt::format("{}:\n", names)
                         : fmt::format("{}: {}\n", names, visible_line(print_outcome(run.row)));
  for (const std::string& line :
       split(std::string_view(body).substr(0, body.empty() ? 0 : body.size() - 1), '\n')) {
    if (!body.empty()) out += fmt::format("  {}\n", line);
  }
  return out;
}

namespace {

// JSON holds text; what is none travels as base64 under another name, so that nobody mistakes it.
void add_stream(Json& result, const std::string& name, const RunView::Stream& stream) {
  if (is_utf8(stream.text)) result.add(name, stream.text);
  else result.add(name + "_base64", print_base64(stream.text));
}

}  // namespace

Json json_of(const RunView& run, With with) {
  const RunRow& row = run.row;
  Json json(Json::Object{{"name", row.id.node}});
  if (!row.title.empty()) {
    json.add("step", row.id.step);
    json.add("title", row.title);
  }
  json.add("exit_code", row.state == RunState::succeeded ? std::optional<int>(0) : row.end.exit_code);
  json.add("state", name_of(row.state));
  json.add("signal", row.end.signal);
  if (!row.end.reason.empty()) json.add("reason", row.end.reason);
  json.add("pid", row.pid);
  if (with == With::output) {
    add_stream(json, "stdout", run.out);
    add_stream(json, "stderr", run.err);
    add_stream(json, "note", run.note);
    if (const std::uint64_t dropped = run.dropped(); dropped > 0) json.add("bytes_not_kept", dropped);
  }
  if (!row.end.version.empty()) json.add("version", row.end.version);
  if (row.end.started) {
    json.add("started", print_wall(*row.end.started));
    json.add("lasted", print_span(row.end.lasted));
  }
  return json;
}

Document document_of(const TaskId& task, const TaskView& view) {
  const bool steps =
      std::ranges::any_of(view.runs(), [](const auto& entry) { return !entry.second.row.title.empty(); });
  Document document{.json = Json::Object{{"task", task}, {"state", name_of(view.outcome())}},
                    .rows = "results"};
  document.table.head = steps ? std::vector<std::string>{"STEP", "NODE", "STATE", "OUTCOME", "TIME"}
                              : std::vector<std::string>{"NODE", "STATE", "OUTCOME", "TIME"};
  Json::Array results;
  for (const RunView* run : in_order(view)) {
    results.push_back(json_of(*run, With::output));
    std::vector<std::string> cells = {run->row.id.node.str(), std::string(name_of(run->row.state)),
                                      print_outcome(run->row),
                                      run->row.end.started ? print_span(run->row.end.lasted) : ""};
    if (steps) cells.insert(cells.begin(), run->row.title);
    document.table.rows.push_back(std::move(cells));
  }
  std::size_t good = 0, open = 0;
  for (const auto& [state, count] : view.counts()) {
    if (state == RunState::succeeded) good += count;
    if (!is_final(state)) open += count;
  }
  document.json.add("results", std::move(results));
  if (!view.notes().empty())
    document.json.add("notes", Json::Array(view.notes().begin(), view.notes().end()));
  document.json.add("total", view.runs().size());
  document.json.add("success", good);
  document.json.add("failed", view.runs().size() - good - open);
  if (open > 0) document.json.add("running", open);
  return document;
}

}  // namespace octo::octl
