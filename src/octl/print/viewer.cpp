// SPDX-License-Identifier: MIT
#include "octl/print/viewer.hpp"

#include "octl/print/groups.hpp"
#include "octl/print/lines.hpp"
#include "octl/print/viewers.hpp"
#include "octl/print/visible.hpp"

namespace octo::octl {

namespace {

class SilentViewer final : public Viewer {
 public:
  TaskView::Keep keep() const override { return TaskView::Keep::nothing; }
  void event(const TaskEvent&, const TaskView&) override {}
  void end(const TaskId&, const TaskView&) override {}
};

class OneTargetViewer final : public Viewer {
 public:
  explicit OneTargetViewer(Output& output) : output_(output) {}
  TaskView::Keep keep() const override { return TaskView::Keep::nothing; }
  void event(const TaskEvent& event, const TaskView&) override {
    if (event.kind == TaskEvent::Kind::state) return state(event.run);
    if (event.kind == TaskEvent::Kind::note) return output_.say(event.text);
    if (event.kind != TaskEvent::Kind::output) return;
    const OutputPiece& piece = event.output;
    const Look& look = output_.look();
    if (piece.stream == OutputStream::err) {
      output_.write_err(look.raw ? piece.bytes : err_.feed(piece.bytes));
    } else {
      output_.write(look.raw ? piece.bytes : out_.feed(piece.bytes));
      output_.flush();
    }
  }
  void end(const TaskId&, const TaskView& view) override {
    finish();
    for (const RunView* run : view.latest()) {
      const bool told_by_code = run->row.state == RunState::failed && run->row.end.exit_code;
      if (run->row.state != RunState::succeeded && !told_by_code)
        output_.say(fmt::format("{}: {}", run->row.id.node, print_outcome(run->row)));
    }
    say_dropped(view, output_);
  }

 private:
  // What was printed of an attempt that failed cannot be taken back: say where the next one begins.
  void state(const RunRow& run) {
    if (run.id.attempt > attempt_) {
      finish();
      output_.say(fmt::format("{}: {}; trying again, attempt {}", run.id.node, last_, run.id.attempt));
      attempt_ = run.id.attempt;
    }
    last_ = print_outcome(run);
  }
  void finish() {
    output_.write(out_.finish());
    output_.write_err(err_.finish());
  }

  Output& output_;
  Visible out_, err_;
  std::uint32_t attempt_ = 1;
  std::string last_;
};

class LinesViewer final : public Viewer {
 public:
  explicit LinesViewer(Output& output) : output_(output), lines_(output) {}
  TaskView::Keep keep() const override { return TaskView::Keep::nothing; }
  void event(const TaskEvent& event, const TaskView&) override {
    if (event.kind == TaskEvent::Kind::note) output_.say(event.text);
    if (event.kind == TaskEvent::Kind::output)
      lines_.feed(event.run.id.node.str(), event.output.stream, event.output.bytes);
  }
  void end(const TaskId&, const TaskView& view) override {
    lines_.finish();
    bool well = true;
    for (const Group& group : group_equal(view)) {
      if (group.runs.front()->row.state == RunState::succeeded) continue;
      well = false;
      output_.say(print_head(group, Colour::off));
    }
    if (!well) output_.say(print_counts(view.counts()));
    for (const std::string& line : split(trim(print_together(view)), '\n')) {
      if (!line.empty()) output_.say(line);
    }
    say_dropped(view, output_);
  }

 private:
  Output& output_;
  LiveLines lines_;
};

}  // namespace

void say_dropped(const TaskView& view, Output& output) {
  for (const RunView* run : in_order(view)) {
    if (run->dropped() > 0)
      output.say(fmt::format("{}: {} bytes of its output were not kept", run->row.id.node, run->dropped()));
  }
}

std::unique_ptr<Viewer> make_viewer(const Show& show, Output& output) {
  if (show.what == Show::What::nothing) return std::make_unique<SilentViewer>();
  if (show.what == Show::What::answers) return make_answer_viewer(show, output);
  if (!show.folder.empty()) return make_files_viewer(show, output);
  if (output.format() == Format::jsonl) return make_json_lines_viewer(show, output);
  if (!output.for_people()) return make_document_viewer(show, output);
  if (show.kind == TaskKind::apply || show.kind == TaskKind::reset) return make_step_viewer(output);
  if (show.one_target) return std::make_unique<OneTargetViewer>(output);
  const bool stream = output.format() == Format::text && !output.look().out_terminal && !show.diff;
  if (stream) return std::make_unique<LinesViewer>(output);
  return make_group_viewer(show, output);
}

}  // namespace octo::octl
