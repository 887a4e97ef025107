// SPDX-License-Identifier: MIT
#include "octl/print/out_files.hpp"
#include "octl/print/viewers.hpp"

namespace octo::octl {

namespace {

// A round of several tells when it was.
Document with_time(Document document, const Show& show) {
  if (!show.time.empty()) document.json.add("time", show.time);
  return document;
}

class DocumentViewer final : public Viewer {
 public:
  DocumentViewer(const Show& show, Output& output) : show_(show), output_(output) {}
  void event(const TaskEvent&, const TaskView&) override {}
  void end(const TaskId& task, const TaskView& view) override {
    output_.print(with_time(document_of(task, view), show_));
  }

 private:
  Show show_;
  Output& output_;
};

class AnswerViewer final : public Viewer {
 public:
  AnswerViewer(const Show& show, Output& output) : show_(show), output_(output) {}
  void event(const TaskEvent&, const TaskView&) override {}
  void end(const TaskId& task, const TaskView& view) override {
    Document document = with_time(document_of(task, view), show_);
    document.table.foot.push_back(fmt::format("task {}: octl task show|attach|cancel {}", task, task));
    output_.print(document);
  }

 private:
  Show show_;
  Output& output_;
};

// One line for each run as it ends.
class JsonLines {
 public:
  JsonLines(const Show& show, Output& output, With with) : show_(show), output_(output), with_(with) {}
  void event(const TaskEvent& event, const TaskView& view) {
    if (event.kind != TaskEvent::Kind::state || !is_final(event.run.state)) return;
    const bool may_follow = event.run.id.attempt <= show_.retries &&
                            (event.run.state == RunState::failed || event.run.state == RunState::timed_out);
    if (const RunView* run = view.find(event.run.id); run != nullptr && !may_follow) print(*run);
  }
  // Those of which another attempt was expected, and those that have not ended.
  void end(const TaskView& view) {
    for (const RunView* run : in_order(view)) print(*run);
  }

 private:
  void print(const RunView& run) {
    if (!printed_.insert(run.row.id).second) return;
    Json json(Json::Object{{"task", run.row.id.task}});
    if (!show_.time.empty()) json.add("time", show_.time);
    json.add_all(json_of(run, with_));
    output_.write(print_json_line(json) + "\n");
    output_.flush();
  }

  Show show_;
  Output& output_;
  With with_;
  std::set<RunId> printed_;
};

class JsonLinesViewer final : public Viewer {
 public:
  JsonLinesViewer(const Show& show, Output& output) : lines_(show, output, With::output) {}
  void event(const TaskEvent& event, const TaskView& view) override { lines_.event(event, view); }
  void end(const TaskId&, const TaskView& view) override { lines_.end(view); }

 private:
  JsonLines lines_;
};

class FilesViewer final : public Viewer {
 public:
  FilesViewer(const Show& show, Output& output)
      : show_(show), output_(output), files_(show.folder), lines_(show, output, With::nothing_more) {}
  TaskView::Keep keep() const override { return TaskView::Keep::nothing; }
  void event(const TaskEvent& event, const TaskView& view) override {
    if (!failed_) {
      const auto taken = files_.take(event);
      if (!taken) output_.say(taken.error().message());
      failed_ = !taken;
    }
    if (output_.format() == Format::jsonl) lines_.event(event, view);
  }
  void end(const TaskId& task, const TaskView& view) override {
    if (output_.format() == Format::jsonl) {
      lines_.end(view);
    } else {
      Document document = with_time(document_of(task, view, With::nothing_more), show_);
      document.json.add("outdir", show_.folder);
      output_.print(document);
    }
    say_dropped(view, output_);
  }
  bool failed() const override { return failed_; }

 private:
  Show show_;
  Output& output_;
  OutFiles files_;
  JsonLines lines_;
  bool failed_ = false;
};

}  // namespace

std::unique_ptr<Viewer> make_document_viewer(const Show& show, Output& output) {
  return std::make_unique<DocumentViewer>(show, output);
}
std::unique_ptr<Viewer> make_answer_viewer(const Show& show, Output& output) {
  return std::make_unique<AnswerViewer>(show, output);
}
std::unique_ptr<Viewer> make_json_lines_viewer(const Show& show, Output& output) {
  return std::make_unique<JsonLinesViewer>(show, output);
}
std::unique_ptr<Viewer> make_files_viewer(const Show& show, Output& output) {
  return std::make_unique<FilesViewer>(show, output);
}

}  // namespace octo::octl
