// SPDX-License-Identifier: MIT
#include "octl/print/task_view.hpp"

#include <algorithm>

#include "domain/fold.hpp"
#include "octl/print/visible.hpp"

namespace octo::octl {

std::uint64_t RunView::dropped() const {
  if (!is_final(row.state)) return 0;
  const auto lacking = [](std::uint64_t wrote, const Stream& have) {
    return wrote > have.got ? wrote - have.got : 0;
  };
  return lacking(row.end.out_bytes, out) + lacking(row.end.err_bytes, err) +
         lacking(row.end.note_bytes, note);
}

namespace {

bool of_one_target(const RunId& left, const RunId& right) {
  return left.step == right.step && left.node == right.node;
}

bool has_started(const RunRow& row) {
  return is_final(row.state) || (row.state == RunState::running && row.pid);
}

bool has_loaded(const RunRow& row) {
  return is_final(row.state) || row.state == RunState::armed || row.state == RunState::running;
}

void take_one(std::map<RunState, std::size_t>& counts, RunState state) {
  const auto found = counts.find(state);
  if (--found->second == 0) counts.erase(found);
}

}  // namespace

void TaskView::Tally::add(const RunRow& row) {
  ++runs;
  started += has_started(row) ? 1 : 0;
  loaded += has_loaded(row) ? 1 : 0;
  ++counts[row.state];
  if (!row.end.given_up) ++verdicts[row.state];
}

void TaskView::Tally::take(const RunRow& row) {
  --runs;
  started -= has_started(row) ? 1 : 0;
  loaded -= has_loaded(row) ? 1 : 0;
  take_one(counts, row.state);
  if (!row.end.given_up) take_one(verdicts, row.state);
}

// Ids are sorted with the attempt last.
bool TaskView::is_latest(Runs::const_iterator place) const {
  const auto next = std::next(place);
  return next == runs_.end() || !of_one_target(next->first, place->first);
}

TaskView::Runs::iterator TaskView::place_of(const RunId& id) {
  const auto [place, fresh] = runs_.try_emplace(id);
  if (!fresh) return place;
  place->second.row.id = id;
  const auto earlier = place == runs_.begin() ? runs_.end() : std::prev(place);
  const bool again = earlier != runs_.end() && of_one_target(earlier->first, id);
  if (is_latest(place)) {
    if (again) tally_.take(earlier->second.row);
    tally_.add(place->second.row);
  }
  if (!again) return place;
  RunView& run = earlier->second;
  for (RunView::Stream* stream : {&run.out, &run.err, &run.note}) {
    kept_ -= stream->text.size();
    stream->text = {};
  }
  place->second.row.title = run.row.title;
  return place;
}

void TaskView::put(Runs::iterator place, RunRow row) {
  const bool counts = is_latest(place);
  if (counts) tally_.take(place->second.row);
  place->second.row = std::move(row);
  if (counts) tally_.add(place->second.row);
}

void TaskView::set(const RunRow& row) { put(place_of(row.id), row); }

void TaskView::add(RunView::Stream& stream, OutputPiece& piece) {
  if (piece.offset < stream.next) {
    piece.bytes.erase(
        0, static_cast<std::size_t>(std::min<std::uint64_t>(stream.next - piece.offset, piece.bytes.size())));
    piece.offset = stream.next;
  }
  stream.next = piece.offset + piece.bytes.size();
  if (keep_ == Keep::output && kept_ + piece.bytes.size() > kOutputBytesMax) return;
  stream.got += piece.bytes.size();
  if (keep_ == Keep::nothing) return;
  stream.text += piece.bytes;
  kept_ += piece.bytes.size();
}

void TaskView::apply(TaskEvent& event) {
  switch (event.kind) {
    case TaskEvent::Kind::accepted: break;
    case TaskEvent::Kind::note: notes_.push_back(event.text); break;
    case TaskEvent::Kind::state: {
      const auto place = place_of(event.run.id);
      const RunRow& before = place->second.row;
      RunRow row = event.run;
      if (!row.pid) row.pid = before.pid;
      if (!row.start) row.start = before.start;
      if (row.title.empty()) row.title = before.title;
      put(place, std::move(row));
      break;
    }
    case TaskEvent::Kind::output:
      add(place_of(event.run.id)->second.of(event.output.stream), event.output);
      break;
    case TaskEvent::Kind::done:
      done_ = true;
      outcome_ = event.outcome;
      break;
  }
}

std::vector<const RunView*> TaskView::latest() const {
  std::vector<const RunView*> runs;
  for (const auto& [id, run] : runs_) {
    if (!runs.empty() && of_one_target(runs.back()->row.id, id)) runs.back() = &run;
    else runs.push_back(&run);
  }
  return runs;
}

const RunView* TaskView::find(const RunId& id) const {
  const auto found = runs_.find(id);
  return found == runs_.end() ? nullptr : &found->second;
}

std::string print_progress(const TaskView& view) {
  std::size_t total = 0, good = 0, bad = 0, running = 0;
  for (const auto& [state, count] : view.counts()) {
    total += count;
    if (state == RunState::succeeded) good += count;
    else if (is_final(state)) bad += count;
    else if (state == RunState::running) running += count;
  }
  const std::size_t waiting = total - good - bad - running;
  std::string line = fmt::format("{}/{} done", good, total);
  if (bad > 0) line += fmt::format(", {} failed", bad);
  if (running > 0) line += fmt::format(", {} running", running);
  if (waiting > 0) line += fmt::format(", {} waiting", waiting);
  return line;
}

std::string print_counts(const std::map<RunState, std::size_t>& counts) {
  std::vector<std::string> parts;
  for (const auto& [state, count] : counts) {
    if (count > 0) parts.push_back(fmt::format("{} {}", count, name_of(state)));
  }
  return join(parts, ", ");
}

Json json_of(const std::map<RunState, std::size_t>& counts) {
  Json::Object members;
  for (const auto& [state, count] : counts) members.emplace_back(name_of(state), count);
  return members;
}

std::string print_outcome(const RunRow& row) {
  std::string out;
  if (row.state == RunState::succeeded) out = "ok";
  else if (row.state == RunState::armed) out = "loaded";
  else if (row.state == RunState::failed && row.end.exit_code)
    out = fmt::format("exit {}", *row.end.exit_code);
  else if (row.state == RunState::failed && row.end.signal) out = fmt::format("signal {}", *row.end.signal);
  else if (row.state == RunState::running && row.pid) out = fmt::format("running, pid {}", *row.pid);
  else out = name_of(row.state);
  if (row.id.attempt > 1) out += fmt::format(", attempt {}", row.id.attempt);
  if (row.state != RunState::succeeded && !row.end.reason.empty()) out += ": " + row.end.reason;
  return out;
}

const std::optional<StartMark>& start_of(const RunRow& row) {
  return row.end.start ? row.end.start : row.start;
}

std::vector<TogetherView> together(const TaskView& view) {
  std::vector<TogetherView> groups;
  for (const RunView* run : in_order(view)) {
    const auto& start = start_of(run->row);
    if (!start) continue;
    const Instant agreed = start->at - start->late;
    auto group = std::ranges::find(groups, agreed, &TogetherView::agreed);
    if (group == groups.end()) group = groups.insert(group, TogetherView{.agreed = agreed});
    group->runs.push_back(run);
  }
  std::erase_if(groups, [](const TogetherView& group) { return group.runs.size() < 2; });
  for (TogetherView& group : groups) {
    std::vector<StartMark> starts;
    for (const RunView* run : group.runs) starts.push_back(*start_of(run->row));
    group.skew = skew_of(starts);
  }
  return groups;
}

std::string print_together(const TaskView& view) {
  constexpr std::size_t kNamed = 16;
  std::string text;
  for (const TogetherView& group : together(view)) {
    std::vector<std::string> parts;
    for (const RunView* run : group.runs) {
      const StartMark& start = *start_of(run->row);
      if (parts.size() < kNamed) {
        parts.push_back(fmt::format("{} {}{} ±{}", run->row.id.node, start.late < Span::zero() ? "" : "+",
                                    print_span(start.late), print_span(start.bound)));
      }
    }
    if (group.runs.size() > kNamed) parts.push_back(fmt::format("and {} more", group.runs.size() - kNamed));
    text += fmt::format("started within {} ±{}: {}\n", print_span(group.skew.skew),
                        print_span(group.skew.bound), join(parts, ", "));
  }
  return text;
}

std::vector<const RunView*> in_order(const TaskView& view) {
  std::vector<const RunView*> runs = view.latest();
  std::ranges::sort(runs, [](const RunView* left, const RunView* right) {
    if (left->row.id.step != right->row.id.step) return left->row.id.step < right->row.id.step;
    return natural_less(left->row.id.node.str(), right->row.id.node.str());
  });
  return runs;
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
  if (row.id.attempt > 1) json.add("attempt", row.id.attempt);
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
  if (const auto& start = start_of(row)) {
    json.add("start", Json::Object{{"at_ns", start->at.time_since_epoch().count()},
                                   {"bound_ns", start->bound.count()},
                                   {"late_ns", start->late.count()}});
  }
  if (row.end.started) {
    json.add("started", print_wall(*row.end.started));
    json.add("lasted", print_span(row.end.lasted));
  }
  return json;
}

Document document_of(const TaskId& task, const TaskView& view, With with) {
  const bool steps =
      std::ranges::any_of(view.latest(), [](const RunView* run) { return !run->row.title.empty(); });
  Document document{.json = Json::Object{{"task", task}, {"state", name_of(view.outcome())}},
                    .rows = "results"};
  document.table.head = steps ? std::vector<std::string>{"STEP", "NODE", "STATE", "OUTCOME", "TIME"}
                              : std::vector<std::string>{"NODE", "STATE", "OUTCOME", "TIME"};
  Json::Array results;
  for (const RunView* run : in_order(view)) {
    results.push_back(json_of(*run, with));
    std::vector<std::string> cells = {run->row.id.node.str(), std::string(name_of(run->row.state)),
                                      print_outcome(run->row),
                                      run->row.end.started ? print_span(run->row.end.lasted) : ""};
    if (steps) cells.insert(cells.begin(), run->row.title);
    document.table.rows.push_back(std::move(cells));
  }
  const auto counts = view.counts();
  std::size_t total = 0, good = 0, open = 0;
  for (const auto& [state, count] : counts) {
    total += count;
    if (state == RunState::succeeded) good += count;
    if (!is_final(state)) open += count;
  }
  document.json.add("results", std::move(results));
  if (!view.notes().empty())
    document.json.add("notes", Json::Array(view.notes().begin(), view.notes().end()));
  document.json.add("total", total);
  document.json.add("success", good);
  document.json.add("failed", total - good - open);
  if (open > 0) document.json.add("running", open);
  document.json.add("counts", json_of(counts));
  document.table.foot = {print_counts(counts)};
  Json::Array groups;
  for (const TogetherView& group : together(view)) {
    Json one(Json::Object{{"skew_ns", group.skew.skew.count()}, {"bound_ns", group.skew.bound.count()}});
    Json::Array names;
    for (const RunView* run : group.runs)
      names.emplace_back(steps ? run->row.title + " on " + run->row.id.node.str() : run->row.id.node.str());
    one.add("runs", std::move(names));
    groups.push_back(std::move(one));
  }
  if (!groups.empty()) document.json.add("together", std::move(groups));
  for (const std::string& line : split(trim(print_together(view)), '\n')) {
    if (!line.empty()) document.table.foot.push_back(line);
  }
  return document;
}

}  // namespace octo::octl
