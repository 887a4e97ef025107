// SPDX-License-Identifier: MIT
#include "octl/print/viewer.hpp"

#include <gmock/gmock.h>

#include "octl/print/lines.hpp"
#include "octl/print/viewer_testing.hpp"

namespace octo::octl {
namespace {

using testing::HasSubstr;

// Lets a viewer see a task as follow() would; nothing stands for the moment when it grows long.
void show(Viewer& viewer, std::vector<std::optional<TaskEvent>> events) {
  TaskView view(viewer.keep());
  for (auto& event : events) {
    if (event) {
      view.apply(*event);
      viewer.event(*event, view);
    } else {
      viewer.grows_long(view);
    }
  }
  viewer.end(TaskId("T"), view);
}

Look terminal(std::optional<Format> asked = {}) {
  return {.asked = asked, .out_terminal = true, .err_terminal = true};
}

TEST(Viewer, OneTargetOnATerminalIsPassedThroughButCannotSteerIt) {
  Captured screen(terminal());
  show(*make_viewer({.one_target = true}, screen.output),
       {wrote("pi0", "a\x1b[2J\n", 0), wrote("pi0", "wrong\a\n", 0, OutputStream::err),
        ended("pi0", RunState::failed, 3)});
  EXPECT_EQ(screen.out(), "a\\x1b[2J\n");
  EXPECT_EQ(screen.err(), "wrong\\x07\n");
}

TEST(Viewer, OneTargetAsRawTextIsPassedThroughByteByByte) {
  Captured pipe(Look{.asked = Format::text, .raw = true});
  const std::string bytes("\x1f\x8b\0\xff", 4);
  show(*make_viewer({.one_target = true}, pipe.output),
       {wrote("pi0", bytes, 0), ended("pi0", RunState::succeeded, 0)});
  EXPECT_EQ(pipe.out(), bytes);
}

TEST(Viewer, OneTargetThatDidNotRunSaysWhy) {
  Captured screen(terminal());
  show(*make_viewer({.one_target = true}, screen.output),
       {ended("pi0", RunState::expired, {}, "not reached within 10m")});
  EXPECT_EQ(screen.err(), "octl: pi0: expired: not reached within 10m\n");
}

TEST(Viewer, SeveralTargetsAreGroupedAtTheEnd) {
  Captured screen(terminal());
  show(*make_viewer({}, screen.output),
       {wrote("pi0", "x\n", 0), wrote("pi1", "x\n", 0), ended("pi0", RunState::succeeded, 0),
        ended("pi1", RunState::succeeded, 0), finished(TaskState::succeeded)});
  EXPECT_EQ(screen.out(), "pi[0-1]: x\n");
}

TEST(Viewer, ALongTaskOnATerminalIsShownAsItGoes) {
  Captured screen(terminal());
  show(*make_viewer({}, screen.output),
       {wrote("pi0", "one\ntw", 0), std::nullopt, wrote("pi1", "one\n", 0), wrote("pi0", "o\n", 6),
        wrote("pi1", "half", 4), ended("pi0", RunState::succeeded, 0), ended("pi1", RunState::failed, 3),
        finished(TaskState::failed)});
  EXPECT_EQ(screen.out(), "pi0: one\npi1: one\npi0: two\npi1: half\npi0: ok\npi1: exit 3\n");
}

TEST(Viewer, ALineWithoutEndIsPrintedInPieces) {
  Captured screen(terminal());
  const std::string line(LiveLines::kLineBytesMax + 10, 'x');
  show(*make_viewer({}, screen.output),
       {std::nullopt, wrote("pi0", line, 0), ended("pi0", RunState::succeeded, 0)});
  EXPECT_EQ(screen.out(), "pi0: " + line.substr(10) + "\npi0: xxxxxxxxxx\npi0: ok\n");
}

TEST(Viewer, WithoutATerminalThereIsOneJsonDocument) {
  Captured pipe;
  show(*make_viewer({.one_target = true}, pipe.output),
       {wrote("pi0", "x\n", 0), ended("pi0", RunState::succeeded, 0), finished(TaskState::succeeded)});
  EXPECT_THAT(pipe.out(), HasSubstr("\"task\": \"T\",\n  \"state\": \"succeeded\",\n  \"results\": ["));
  EXPECT_EQ(pipe.err(), "");
}

TEST(Viewer, StepsAreShownAsTheyEnd) {
  Captured screen(terminal());
  TaskEvent note{.kind = TaskEvent::Kind::note};
  note.text = "prepare, order 2";
  TaskEvent good = ended("pi-24", RunState::succeeded, 0);
  good.run.title = "prepare hello";
  TaskEvent bad = ended("pi-25", RunState::failed, 1);
  bad.run.title = "prepare hello";
  TaskEvent never = ended("pi-25", RunState::cancelled, {}, "an earlier step failed");
  never.run.id.step = 1;
  never.run.title = "start hello";
  show(*make_viewer({.kind = TaskKind::apply}, screen.output),
       {note, wrote("pi-24", "-->prepared\n", 0, OutputStream::note), good, bad, never,
        finished(TaskState::failed)});
  EXPECT_EQ(
      screen.out(),
      "== prepare, order 2\n   prepare hello on pi-24: ok\n     -->prepared\n   prepare hello on pi-25: exit "
      "1\n"
      "   start hello on pi-25: cancelled: an earlier step failed\nfailed: 1 done, 1 failed, 1 not done\n");
}

TEST(Viewer, NoPrintLeavesErrorsOnly) {
  Look look = terminal();
  look.silent = true;
  Captured screen(look);
  show(*make_viewer({}, screen.output), {wrote("pi0", "x\n", 0), ended("pi0", RunState::succeeded, 0)});
  screen.output.say("something failed");
  EXPECT_EQ(screen.out(), "");
  EXPECT_EQ(screen.err(), "octl: something failed\n");
}

}  // namespace
}  // namespace octo::octl
