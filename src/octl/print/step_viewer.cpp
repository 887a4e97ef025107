// SPDX-License-Identifier: MIT
#include "octl/print/viewers.hpp"
#include "octl/print/visible.hpp"

namespace octo::octl {

namespace {

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
    for (const RunView* run : view.latest()) {
      const RunRow& row = run->row;
      const bool started = row.end.started.has_value() || row.state == RunState::failed;
      ++(row.state == RunState::succeeded ? done : started ? failed : not_done);
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

std::unique_ptr<Viewer> make_step_viewer(Output& output) { return std::make_unique<StepViewer>(output); }

}  // namespace octo::octl
