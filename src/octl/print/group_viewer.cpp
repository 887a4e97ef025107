// SPDX-License-Identifier: MIT
#include "octl/print/groups.hpp"
#include "octl/print/lines.hpp"
#include "octl/print/viewers.hpp"
#include "octl/print/visible.hpp"

namespace octo::octl {

namespace {

class GroupViewer final : public Viewer {
 public:
  GroupViewer(const Show& show, Output& output) : diff_(show.diff), output_(output), lines_(output) {}
  void event(const TaskEvent& event, const TaskView&) override {
    if (live_ && event.kind == TaskEvent::Kind::note) output_.say(event.text);
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
    const std::vector<Group> groups = group_equal(view);
    for (const Group& group : groups) {
      const bool rare = &group != &groups.back();
      if (diff_ && rare) output_.write(print_difference(group, groups.back(), output_.look()));
      else output_.write(live_ ? summary_of(group) : print(group, output_.look()));
    }
    if (const std::string line = print_together(view); !line.empty())
      output_.write(paint(line, Mood::quiet, output_.look().out_colour));
    output_.write(paint(print_counts(view.counts()), Mood::quiet, output_.look().out_colour) + "\n");
    output_.flush();
    say_dropped(view, output_);
  }

 private:
  std::string summary_of(const Group& group) const {
    return fmt::format("{}{}\n", print_head(group, output_.look().out_colour),
                       group.runs.size() > 1 ? ", equal output" : "");
  }

  bool diff_;
  Output& output_;
  LiveLines lines_;
  bool live_ = false;
};

}  // namespace

std::unique_ptr<Viewer> make_group_viewer(const Show& show, Output& output) {
  return std::make_unique<GroupViewer>(show, output);
}

}  // namespace octo::octl
