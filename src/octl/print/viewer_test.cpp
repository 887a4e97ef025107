// SPDX-License-Identifier: MIT
#include "octl/print/viewer.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "octl/print/lines.hpp"
#include "octl/print/viewer_testing.hpp"

namespace octo::octl {
namespace {

using testing::HasSubstr;
using testing::Not;

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
  EXPECT_EQ(screen.out(), "pi[0-1]: x\n2 succeeded\n");
}

TEST(Viewer, ALongTaskOnATerminalIsShownAsItGoes) {
  Captured screen(terminal());
  show(*make_viewer({}, screen.output),
       {wrote("pi0", "one\ntw", 0), std::nullopt, wrote("pi1", "one\n", 0), wrote("pi0", "o\n", 6),
        wrote("pi1", "half", 4), ended("pi0", RunState::succeeded, 0), ended("pi1", RunState::failed, 3),
        finished(TaskState::failed)});
  EXPECT_EQ(screen.out(),
            "pi0: one\npi1: one\npi0: two\npi1: half\npi0: ok\npi1: exit 3\n1 succeeded, 1 failed\n");
}

TEST(Viewer, SeveralTargetsAsTextElsewhereComeLineByLine) {
  Captured pipe(Look{.asked = Format::text});
  TaskView view(TaskView::Keep::output);
  const auto viewer = make_viewer({}, pipe.output);
  const auto feed = [&](TaskEvent event) {
    view.apply(event);
    viewer->event(event, view);
  };
  feed(wrote("pi0", "one\n", 0));
  EXPECT_EQ(pipe.out(), "pi0: one\n") << "as it comes";
  feed(wrote("pi1", "wrong\n", 0, OutputStream::err));
  feed(wrote("pi1", "one\n", 0));
  feed(ended("pi0", RunState::succeeded, 0));
  feed(ended("pi1", RunState::failed, 3));
  feed(finished(TaskState::failed));
  viewer->end(TaskId("T"), view);
  EXPECT_EQ(pipe.out(), "pi0: one\npi1: one\n");
  EXPECT_EQ(pipe.err(), "pi1: wrong\noctl: pi1: exit 3\noctl: 1 succeeded, 1 failed\n");
}

TEST(Viewer, ALineWithoutEndIsPrintedInPieces) {
  Captured screen(terminal());
  const std::string line(LiveLines::kLineBytesMax + 10, 'x');
  show(*make_viewer({}, screen.output),
       {std::nullopt, wrote("pi0", line, 0), ended("pi0", RunState::succeeded, 0)});
  EXPECT_EQ(screen.out(), "pi0: " + line.substr(10) + "\npi0: xxxxxxxxxx\npi0: ok\n1 succeeded\n");
}

TEST(Viewer, WithoutATerminalThereIsOneJsonDocument) {
  Captured pipe;
  show(*make_viewer({.one_target = true}, pipe.output),
       {wrote("pi0", "x\n", 0), ended("pi0", RunState::succeeded, 0), finished(TaskState::succeeded)});
  EXPECT_THAT(pipe.out(), HasSubstr("\"task\": \"T\",\n  \"state\": \"succeeded\",\n  \"results\": ["));
  EXPECT_EQ(pipe.err(), "");
}

TEST(Viewer, JsonLinesComeAsTheRunsEndAndFailuresThatAreTriedAgainWait) {
  Captured pipe(Look{.asked = Format::jsonl});
  TaskView view(TaskView::Keep::output);
  const auto viewer = make_viewer({.retries = 1}, pipe.output);
  const auto feed = [&](TaskEvent event, std::uint32_t attempt = 1) {
    event.run.id.attempt = attempt;
    view.apply(event);
    viewer->event(event, view);
    return pipe.out();
  };
  EXPECT_EQ(feed(ended("pi0", RunState::running, {})), "");
  EXPECT_THAT(feed(ended("pi0", RunState::succeeded, 0)), HasSubstr("{\"task\":\"T\",\"name\":\"pi0\""));
  EXPECT_THAT(feed(ended("pi1", RunState::failed, 1)), Not(HasSubstr("pi1")));
  EXPECT_THAT(feed(ended("pi1", RunState::failed, 2), 2), HasSubstr("\"exit_code\":2"));
  EXPECT_THAT(feed(ended("pi2", RunState::failed, 7)), Not(HasSubstr("pi2")));
  viewer->end(TaskId("T"), view);
  EXPECT_EQ(std::ranges::count(pipe.out(), '\n'), 3) << pipe.out();
  EXPECT_THAT(pipe.out(), HasSubstr("\"exit_code\":7"));
}

TEST(Viewer, FilesGetEachNodesBytesOfTheLastAttemptAndNothingElsewhere) {
  std::string folder = "/tmp/octopoda-outdir.XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const auto read = [&](const std::string& name) {
    std::ostringstream text;
    text << std::ifstream(folder + "/" + name, std::ios::binary).rdbuf();
    return text.str();
  };
  std::ofstream(folder + "/pi0.stdout") << "of an earlier call";
  std::ofstream(folder + "/outside") << "untouched";
  std::filesystem::create_symlink(folder + "/outside", folder + "/pi2.stdout");
  TaskEvent again = wrote("pi0", "second", 0);
  TaskEvent again_end = ended("pi0", RunState::succeeded, 0);
  again.run.id.attempt = again_end.run.id.attempt = 2;
  Captured pipe;
  show(*make_viewer({.folder = folder}, pipe.output),
       {wrote("pi0", "first, longer", 0), wrote("pi0", std::string("\0\xff", 2), 0, OutputStream::err),
        ended("pi0", RunState::failed, 1), again, again_end, wrote("pi1", "n", 0, OutputStream::note),
        ended("pi1", RunState::succeeded, 0), wrote("pi2", "x", 0), ended("pi2", RunState::succeeded, 0),
        finished(TaskState::succeeded)});
  EXPECT_EQ(read("pi0.stdout"), "second");
  EXPECT_EQ(read("pi0.stderr"), "") << "of the last attempt";
  EXPECT_EQ(read("pi1.note"), "n");
  EXPECT_EQ(read("outside"), "untouched");
  EXPECT_THAT(pipe.err(), HasSubstr("pi2.stdout"));
  EXPECT_THAT(pipe.out(), Not(HasSubstr("second")));
  EXPECT_THAT(pipe.out(), HasSubstr("\"outdir\": "));
  std::filesystem::remove_all(folder);
}

TEST(Viewer, ADifferenceFromTheLargestGroupIsShownInsteadOfTheRareOnes) {
  Captured screen(Look{.asked = Format::table});
  show(*make_viewer({.diff = true}, screen.output),
       {wrote("pi0", "a\nb\n", 0), wrote("pi1", "a\nb\n", 0), wrote("pi2", "a\nc\n", 0),
        ended("pi0", RunState::succeeded, 0), ended("pi1", RunState::succeeded, 0),
        ended("pi2", RunState::succeeded, 0), finished(TaskState::succeeded)});
  EXPECT_EQ(screen.out(),
            "pi2: ok\n  --- pi[0-1]\n  +++ pi2\n  @@ -1,2 +1,2 @@\n   a\n  -b\n  +c\npi[0-1]:\n  a\n  b\n"
            "3 succeeded\n");
}

TEST(Viewer, WhatIsLoadedIsAnsweredNodeByNode) {
  Captured screen(terminal());
  show(*make_viewer({.what = Show::What::answers}, screen.output),
       {ended("pi0", RunState::armed, {}), ended("pi1", RunState::rejected, {}, "disk full")});
  EXPECT_THAT(screen.out(), HasSubstr("pi0   armed     loaded\n"));
  EXPECT_THAT(screen.out(), HasSubstr("rejected: disk full\n1 armed, 1 rejected\ntask T: octl task show"));
}

TEST(Viewer, AnotherAttemptOfOneTargetIsAnnounced) {
  Captured screen(terminal());
  TaskEvent again = ended("pi0", RunState::running, {});
  TaskEvent end = ended("pi0", RunState::failed, 4);
  again.run.id.attempt = end.run.id.attempt = 2;
  show(*make_viewer({.one_target = true}, screen.output),
       {wrote("pi0", "x\n", 0), ended("pi0", RunState::failed, 3), again, end});
  EXPECT_EQ(screen.err(), "octl: pi0: exit 3; trying again, attempt 2\n");
}

TEST(Viewer, ANodesColourIsItsOwnWhoeverElseTakesPart) {
  EXPECT_EQ(colour_of("pi7"), colour_of("pi7"));
  for (int i = 0; i < 24; ++i)
    EXPECT_NE(colour_of(fmt::format("pi{}", i)) % 6, colour_of(fmt::format("pi{}", i + 1)) % 6);
}

TEST(Viewer, ProgressGivesWayToWhateverIsPrinted) {
  Captured screen(terminal());
  screen.output.progress("1/2 done");
  screen.output.progress("1/2 done");
  screen.output.say("something");
  screen.output.progress("2/2 done");
  screen.output.write("x\n");
  screen.output.progress("");
  EXPECT_EQ(screen.err(), "\r1/2 done\x1b[K\r\x1b[Koctl: something\n\r2/2 done\x1b[K\r\x1b[K");
  Look still = terminal();
  still.still = true;
  Captured quiet(still);
  quiet.output.progress("1/2 done");
  EXPECT_EQ(quiet.err(), "");
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
