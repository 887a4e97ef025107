// SPDX-License-Identifier: MIT
#include "octl/print/task_view.hpp"

#include <gmock/gmock.h>

#include <random>

#include "octl/print/groups.hpp"
#include "octl/print/viewer_testing.hpp"

namespace octo::octl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(TaskView, AnOverlapIsCutAndAGapIsCounted) {
  TaskView view(TaskView::Keep::output);
  TaskEvent first = wrote("pi0", "hello", 0);
  TaskEvent again = wrote("pi0", "lo wo", 3);
  TaskEvent later = wrote("pi0", "!", 20);
  for (TaskEvent* event : {&first, &again, &later}) view.apply(*event);
  EXPECT_EQ(again.output.bytes, " wo");
  EXPECT_EQ(view.runs().begin()->second.out.text, "hello wo!");
  TaskEvent end = ended("pi0", RunState::succeeded, 0);
  end.run.end.out_bytes = 21;
  view.apply(end);
  EXPECT_EQ(view.runs().begin()->second.dropped(), 12U);
}

TEST(TaskView, WhatDoesNotFitIntoMemoryIsCountedAsNotKept) {
  TaskView view(TaskView::Keep::output);
  constexpr std::uint64_t kMore = 3;
  const std::string piece(1024 * 1024, 'x');
  for (std::uint64_t at = 0; at < TaskView::kOutputBytesMax + kMore * piece.size(); at += piece.size()) {
    TaskEvent event = wrote("pi0", piece, at);
    view.apply(event);
  }
  TaskEvent end = ended("pi0", RunState::succeeded, 0);
  end.run.end.out_bytes = TaskView::kOutputBytesMax + kMore * piece.size();
  view.apply(end);
  EXPECT_EQ(view.runs().begin()->second.out.text.size(), TaskView::kOutputBytesMax);
  EXPECT_EQ(view.runs().begin()->second.dropped(), kMore * piece.size());
}

TEST(TaskView, WhatWasGivenUpBecauseOthersFailedIsNoVerdict) {
  TaskView view(TaskView::Keep::nothing);
  TaskEvent failed = ended("pi0", RunState::failed, 1), given_up = ended("pi1", RunState::cancelled, {});
  given_up.run.end.given_up = true;
  TaskEvent cancelled = ended("pi2", RunState::cancelled, {});
  view.apply(failed);
  view.apply(given_up);
  EXPECT_EQ(view.verdicts(), (std::map<RunState, std::size_t>{{RunState::failed, 1}}));
  EXPECT_EQ(view.counts().at(RunState::cancelled), 1U) << "it is told all the same";
  view.apply(cancelled);
  EXPECT_EQ(view.verdicts().at(RunState::cancelled), 1U) << "by somebody";
}

TEST(TaskView, EqualOutputsAreFoldedAndTheOddOneComesFirst) {
  TaskView view(TaskView::Keep::output);
  for (const char* node : {"pi0", "pi1", "pi2", "pi10"}) {
    TaskEvent out = wrote(node, node == std::string("pi10") ? "Darwin\n" : "Linux\n", 0);
    TaskEvent end = ended(node, RunState::succeeded, 0);
    view.apply(out);
    view.apply(end);
  }
  TaskEvent out = wrote("x", "Linux\nmore\n", 0);
  TaskEvent end = ended("x", RunState::failed, 3);
  view.apply(out);
  view.apply(end);
  std::vector<std::string> names;
  std::string text;
  for (const Group& group : group_equal(view)) {
    names.push_back(group.names);
    text += print(group, Look{});
  }
  EXPECT_THAT(names, ElementsAre("pi10", "x", "pi[0-2]"));
  EXPECT_EQ(text, "pi10: Darwin\nx: exit 3\n  Linux\n  more\npi[0-2]: Linux\n");
}

TEST(TaskView, GroupsAreEscapedUnlessRaw) {
  TaskView view(TaskView::Keep::output);
  TaskEvent out = wrote("pi0", "\x1b[2J", 0);
  TaskEvent end = ended("pi0", RunState::succeeded, 0);
  view.apply(out);
  view.apply(end);
  const Group group = group_equal(view).front();
  EXPECT_EQ(print(group, Look{}), "pi0: \\x1b[2J\n");
  EXPECT_EQ(print(group, Look{.raw = true}), "pi0: \x1b[2J\n");
}

TEST(TaskView, TheDocumentTellsEachRunApart) {
  TaskView view(TaskView::Keep::output);
  TaskEvent good = wrote("pi0", "a\n", 0);
  TaskEvent binary = wrote("pi1", "\xff\xfe", 0);
  TaskEvent good_end = ended("pi0", RunState::succeeded, 0);
  TaskEvent bad_end = ended("pi1", RunState::failed, 124);
  TaskEvent lost = ended("pi2", RunState::expired, {}, "pi2 was not reached within 10m");
  TaskEvent done = finished(TaskState::lost);
  for (TaskEvent* event : {&good, &binary, &good_end, &bad_end, &lost, &done}) view.apply(*event);
  const std::string json = print(document_of(TaskId("T"), view), Format::json, Colour::off);
  EXPECT_THAT(json, HasSubstr("\"stdout\": \"a\\n\",\n      \"stderr\": \"\",\n      \"note\": \"\""));
  EXPECT_THAT(json, HasSubstr("\"stdout_base64\": \"//4=\""));
  EXPECT_THAT(json, HasSubstr("\"exit_code\": 124,\n      \"state\": \"failed\""));
  EXPECT_THAT(json,
              HasSubstr("\"state\": \"expired\",\n      \"reason\": \"pi2 was not reached within 10m\""));
  EXPECT_THAT(
      json,
      HasSubstr(
          "\"total\": 3,\n  \"success\": 1,\n  \"failed\": 2,\n  \"counts\": {\n    \"succeeded\": 1,"));
  EXPECT_THAT(json, Not(HasSubstr("\"running\"")));
}

TaskEvent of_attempt(std::uint32_t attempt, TaskEvent event) {
  event.run.id.attempt = attempt;
  return event;
}

TEST(TaskView, OnlyTheLastAttemptCountsAndIsShown) {
  TaskView view(TaskView::Keep::output);
  for (TaskEvent event :
       {wrote("pi0", "first\n", 0), ended("pi0", RunState::failed, 1),
        of_attempt(2, wrote("pi0", "second\n", 0)), of_attempt(2, ended("pi0", RunState::succeeded, 0)),
        wrote("pi1", "only\n", 0), ended("pi1", RunState::succeeded, 0)}) {
    view.apply(event);
  }
  EXPECT_EQ(view.runs().size(), 3U);
  EXPECT_EQ(view.runs().begin()->second.out.text, "") << "history is not kept in memory";
  EXPECT_EQ(view.counts(), (std::map<RunState, std::size_t>{{RunState::succeeded, 2}}));
  EXPECT_EQ(print_progress(view), "2/2 done");
  std::string text;
  for (const Group& group : group_equal(view)) text += print(group, Look{});
  EXPECT_EQ(text, "pi0: ok, attempt 2\n  second\npi1: only\n");
  const std::string json = print(document_of(TaskId("T"), view), Format::json, Colour::off);
  EXPECT_THAT(json, HasSubstr("\"attempt\": 2"));
  EXPECT_THAT(json, HasSubstr("\"total\": 2,"));
  EXPECT_THAT(json, Not(HasSubstr("first")));
}

TEST(TaskView, WhatIsCountedAlongIsWhatALookAtEachRunWouldCount) {
  TaskView view(TaskView::Keep::nothing);
  const RunState states[] = {RunState::queued, RunState::armed,     RunState::running,
                             RunState::failed, RunState::succeeded, RunState::cancelled};
  std::minstd_rand random(7);
  for (int i = 0; i < 2000; ++i) {
    // Also an earlier attempt after a later one, and rows from beside the events.
    TaskEvent event = of_attempt(1 + random() % 3, ended(fmt::format("pi{}", random() % 20),
                                                         states[random() % std::size(states)], {}));
    event.run.end.given_up = event.run.state == RunState::cancelled && random() % 2 == 0;
    if (random() % 2 == 0) event.run.pid = 17;
    if (random() % 4 == 0) view.set(event.run);
    else view.apply(event);
    std::map<RunState, std::size_t> counts, verdicts;
    bool started = true, loaded = true;
    for (const RunView* run : view.latest()) {
      const RunRow& row = run->row;
      ++counts[row.state];
      if (!row.end.given_up) ++verdicts[row.state];
      started = started && (is_final(row.state) || (row.state == RunState::running && row.pid));
      loaded = loaded && row.state >= RunState::armed;
    }
    ASSERT_EQ(view.counts(), counts);
    ASSERT_EQ(view.verdicts(), verdicts);
    ASSERT_EQ(view.all_started(), started);
    ASSERT_EQ(view.all_loaded(), loaded);
  }
}

TEST(TaskView, ProgressTellsWhatIsDoneFailedRunningAndWaiting) {
  TaskView view(TaskView::Keep::nothing);
  for (TaskEvent event : {ended("pi0", RunState::succeeded, 0), ended("pi1", RunState::failed, 1),
                          ended("pi2", RunState::expired, {}), ended("pi3", RunState::running, {}),
                          ended("pi4", RunState::queued, {}), ended("pi5", RunState::armed, {})}) {
    view.apply(event);
  }
  EXPECT_EQ(print_progress(view), "1/6 done, 2 failed, 1 running, 2 waiting");
  EXPECT_EQ(print_counts(view.counts()), "1 queued, 1 armed, 1 running, 1 succeeded, 1 failed, 1 expired");
}

TEST(TaskView, ADelayedTaskIsLoadedOnceEveryNodeHasItOrNever) {
  TaskView view(TaskView::Keep::output);
  EXPECT_FALSE(view.all_loaded());
  TaskEvent first = ended("pi0", RunState::armed, {});
  TaskEvent second = ended("pi1", RunState::delivered, {});
  view.apply(first);
  view.apply(second);
  EXPECT_FALSE(view.all_loaded());
  TaskEvent refused = ended("pi1", RunState::rejected, {});
  view.apply(refused);
  EXPECT_TRUE(view.all_loaded());
}

TEST(TaskView, ADifferenceIsShownBelowTheHead) {
  TaskView view(TaskView::Keep::output);
  for (const char* node : {"pi0", "pi1", "pi2"}) {
    TaskEvent out = wrote(node, node == std::string("pi1") ? "a\nB\nc\n" : "a\nb\nc\n", 0);
    TaskEvent end = ended(node, RunState::succeeded, 0);
    view.apply(out);
    view.apply(end);
  }
  const auto groups = group_equal(view);
  EXPECT_EQ(print_difference(groups.front(), groups.back(), Look{}),
            "pi1: ok\n  --- pi[0,2]\n  +++ pi1\n  @@ -1,3 +1,3 @@\n   a\n  -b\n  +B\n   c\n");
}

TEST(TaskView, ABackgroundTaskHasStartedOnceEveryRunHasAPidOrAnEnd) {
  TaskView view(TaskView::Keep::output);
  EXPECT_FALSE(view.all_started());
  TaskEvent first = ended("pi0", RunState::running, {});
  first.run.pid = 17;
  view.apply(first);
  TaskEvent second = ended("pi1", RunState::queued, {});
  view.apply(second);
  EXPECT_FALSE(view.all_started());
  TaskEvent refused = ended("pi1", RunState::rejected, {});
  view.apply(refused);
  EXPECT_TRUE(view.all_started());
}

}  // namespace
}  // namespace octo::octl
