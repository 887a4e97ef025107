// SPDX-License-Identifier: MIT
#include "octl/print/viewer.hpp"

#include <algorithm>

#include "octl/print/lines.hpp"
#include "octl/print/visible.hpp"

namespace octo::octl {

namespace {

std::string not_kept(const RunView& run) {
  return fmt::format("{}: {} bytes of its output were not kept", run.row.id.node, run.dropped());
}

class DocumentViewer final : public Viewer {
 public:
  explicit DocumentViewer(Output& output) : output_(output) {}
  void event(const TaskEvent&, const TaskView&) override {}
  void end(const TaskId& task, const TaskView& view) override { output_.print(document_of(task, view)); }

 private:
  Output& output_;
};

class BackgroundViewer final : public Viewer {
 public:
  explicit BackgroundViewer(Output& output) : output_(output) {}
  void event(const TaskEvent&, const TaskView&) override {}
  void end(const TaskId& task, const TaskView& view) override {
    Document document = document_of(task, view);
    document.table.foot.push_back(fmt::format("task {}: octl task show|attach|cancel {}", task, task));
    output_.print(document);
  }

 private:
  Output& output_;
};

class OneTargetViewer final : public Viewer {
 public:
  explicit OneTargetViewer(Output& output) : output_(output) {}
  TaskView::Keep keep() const override { return TaskView::Keep::nothing; }
  void event(const TaskEvent& event, const TaskView&) override {
    if (event.kind != TaskEvent::Kind::output) return;
    const OutputPiece& piece = event.output;
    const Look& look = output_.look();
    if (piece.stream == OutputStream::err) {
      output_.write_err(look.raw ? piece.bytes : err_.feed(piece.bytes));
    } else {
      output_.write(look.raw ? piece.bytes : out_.feed(piece.bytes));
      output_.flush();
    }
    got_ += piece.bytes.size();
  }
  void end(const TaskId&, const TaskView& view) override {
    output_.write(out_.finish());
    output_.write_err(err_.finish());
    for (const auto& [id, run] : view.runs()) {
      const RunEnd& end = run.row.end;
      const bool told_by_code = run.row.state == RunState::failed && end.exit_code;
      if (run.row.state != RunState::succeeded && !told_by_code) {
        output_.say(fmt::format("{}: {}", id.node, print_outcome(run.row)));
      }
      const std::uint64_t wrote = end.out_bytes + end.err_bytes + end.note_bytes;
      if (is_final(run.row.state) && wrote > got_) {
        output_.say(fmt::format("{}: {} bytes of its output were not kept", id.node, wrote - got_));
      }
    }
  }

 private:
  Output& output_;
  Visible out_, err_;
  std::uint64_t got_ = 0;
};

class GroupViewer final : public Viewer {
 public:
  explicit GroupViewer(Output& output) : output_(output), lines_(output) {}
  void event(const TaskEvent& event, const TaskView&) override {
    if (live_ && event.kind == TaskEvent::Kind::output)
      lines_.feed(event.run.id.node.str(), event.output.stream, event.output.bytes);
  }
  void grows_long(const TaskView& view) override {
    if (!output_.look().out_terminal) return;
    live_ = true;
    for (const RunView* run : in_order(view)) {
      const std::string& node = run->row.id.node.str();
      lines_.feed(node, OutputStream::out, run->out.text);
      lines_.feed(node, OutputStream::err, run->err.text);
      lines_.feed(node, OutputStream::note, run->note.text);
    }
  }
  void end(const TaskId&, const TaskView& view) override {
    if (live_) lines_.finish();
    for (const Group& group : group_equal(view)) {
      output_.write(live_ ? summary_of(group) : print(group, output_.look()));
    }
    output_.flush();
    for (const RunView* run : in_order(view)) {
      if (run->dropped() > 0) output_.say(not_kept(*run));
    }
  }

 private:
  std::string summary_of(const Group& group) const {
    const RunView& run = *group.runs.front();
    const Mood mood = run.row.state == RunState::succeeded ? Mood::good : Mood::bad;
    return fmt::format("{}: {}{}\n", paint(group.names, mood, output_.look().out_colour),
                       visible_line(print_outcome(run.row)), group.runs.size() > 1 ? ", equal output" : "");
  }

  Output& output_;
  LiveLines lines_;
  bool live_ = false;
};

class StepViewer final : public Viewer {
 public:
  explicit StepViewer(Output& output) : output_(output) {}
  void event(const TaskEvent& event, const TaskView& view) override {
    if (event.kind == TaskEvent::Kind::note) {
      output_.write(fmt::format(
          "{}\n", paint("== " + visible_line(event.text), Mood::quiet, output_.look().out_colour)));
    } else if (event.kind == TaskEvent::Kind::state && is_final(event.run.state)) {
      if (const RunView* run = view.find(event.run.id)) print_run(*run);
    }
    output_.flush();
  }
  void end(const TaskId& task, const TaskView& view) override {
    std::size_t done = 0, failed = 0, not_done = 0;
    for (const auto& [id, run] : view.runs()) {
      const bool started = run.row.end.started.has_value() || run.row.state == RunState::failed;
      ++(run.row.state == RunState::succeeded ? done : started ? failed : not_done);
    }
    std::string sentence = fmt::format("{}: {} done", name_of(view.outcome()), done);
    if (failed > 0) sentence += fmt::format(", {} failed", failed);
    if (not_done > 0) sentence += fmt::format(", {} not done", not_done);
    const Mood mood = view.outcome() == TaskState::succeeded ? Mood::good : Mood::bad;
    output_.write(paint(sentence, mood, output_.look().out_colour) + "\n");
    if (view.outcome() != TaskState::succeeded) output_.say(fmt::format("see: octl task show {}", task));
  }

 private:
  void print_run(const RunView& run) {
    const Mood mood = run.row.state == RunState::succeeded ? Mood::good : Mood::bad;
    output_.write(fmt::format("   {} on {}: {}\n", visible_line(run.row.title), run.row.id.node,
                              paint(visible_line(print_outcome(run.row)), mood, output_.look().out_colour)));
    for (const RunView::Stream* stream : {&run.note, &run.out, &run.err}) {
      if (stream->text.empty()) continue;
      const std::string text = output_.look().raw ? stream->text : visible(stream->text);
      for (const std::string& line :
           split(text.ends_with('\n') ? std::string_view(text).substr(0, text.size() - 1) : text, '\n')) {
        output_.write(fmt::format("     {}\n", line));
      }
    }
  }

  Output& output_;
};

}  // namespace

std::unique_ptr<Viewer> make_viewer(const Show& show, Output& output) {
  if (show.background) return std::make_unique<BackgroundViewer>(output);
  if (!output.for_people()) return std::make_unique<DocumentViewer>(output);
  if (show.kind == TaskKind::apply || show.kind == TaskKind::reset)
    return std::make_unique<StepViewer>(output);
  if (show.one_target) return std::make_unique<OneTargetViewer>(output);
  return std::make_unique<GroupViewer>(output);
}

}  // namespace octo::octl
