// SPDX-License-Identifier: MIT
// For tests of this room: an agent's LocalRuns in a folder of its own, with the real runner program.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <filesystem>
#include <fstream>

#include "async/deadline.hpp"
#include "tentacle/runs/journal.hpp"
#include "tentacle/runs/runs.hpp"

namespace octo::tentacle {

namespace fs = std::filesystem;

class LocalRunsTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/octo_runs_XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    ASSERT_EQ(::mkfifo((root_ + "/gate").c_str(), 0600), 0);
    gate_ = ::open((root_ + "/gate").c_str(), O_RDWR | O_CLOEXEC);
  }
  void TearDown() override {
    ::close(gate_);
    fs::remove_all(root_);
  }
  // The body as a coroutine on a loop, with a deadline.
  void on_loop(std::function<Async<void>()> body) {
    std::exception_ptr error;
    asio::co_spawn(
        loop_,
        [](std::function<Async<void>()>& inner, Clock& clock) -> Async<void> {
          const auto done = co_await with_deadline<bool>(
              clock, 30s, [](std::function<Async<void>()>& run) -> Async<Result<bool>> {
                co_await run();
                co_return true;
              }(inner));
          if (!done) ADD_FAILURE() << done.error().message();
        }(body, clock_),
        [&](std::exception_ptr e) { error = e; });
    loop_.restart();
    loop_.run();
    if (error) std::rethrow_exception(error);
  }
  Async<Result<std::unique_ptr<LocalRuns>>> try_open() {
    return LocalRuns::open({.folder = root_ + "/runs",
                            .node = NodeName("pi0"),
                            .runners = runners_,
                            .clock = clock_,
                            .workers = workers_,
                            .cgroups = cgroups_});
  }
  Async<std::unique_ptr<LocalRuns>> open() {
    auto opened = co_await try_open();
    if (!opened) throw std::runtime_error(opened.error().message());
    co_return std::move(*opened);
  }
  static Async<void> close(std::unique_ptr<LocalRuns> runs) { co_await runs->stop(); }

  static RunId run(std::uint32_t step = 0) {
    return {TaskId("01ARZ3NDEKTSV4RRFFQ69G5FAV"), step, NodeName("pi0"), 1};
  }
  std::string folder(std::uint32_t step = 0) const { return root_ + "/runs/" + local_name(run(step)); }
  Runs::Start order(std::string text, std::uint32_t step = 0) const {
    return {.id = run(step),
            .order = {.text = std::move(text)},
            .folder = root_,
            .environment = {{"PATH", "/usr/bin:/bin"}}};
  }
  // What each command writes first: one line per start.
  static std::string witnessed(const std::string& then) { return "echo started >>witness; " + then; }
  int witnesses() const {
    std::ifstream file(root_ + "/witness");
    return static_cast<int>(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
  }
  void open_gate() const { ASSERT_EQ(::write(gate_, "go\n", 3), 3); }

  struct Whole {
    Bytes out, err, note;
    RunEnd end;
    bool gap = false;
  };
  // Everything beyond `from`, to the end.
  static Async<Whole> follow(LocalRuns& runs, RunId id, OutputMark from = {}) {
    Whole whole;
    while (true) {
      auto news = (co_await runs.next(id, from)).value();
      for (const OutputPiece& piece : news.pieces) {
        whole.gap = whole.gap || piece.offset != from.of(piece.stream);
        EXPECT_LE(piece.bytes.size(), 64U * 1024);
        from.of(piece.stream) = piece.offset + piece.bytes.size();
        (piece.stream == OutputStream::out   ? whole.out
         : piece.stream == OutputStream::err ? whole.err
                                             : whole.note) += piece.bytes;
      }
      if (news.facts.end && news.pieces.empty()) {
        whole.end = *news.facts.end;
        co_return whole;
      }
    }
  }
  // Until `bytes` of stdout are there.
  static Async<OutputMark> follow_to(LocalRuns& runs, RunId id, std::uint64_t bytes) {
    OutputMark mark;
    while (mark.out < bytes) {
      for (const OutputPiece& piece : (co_await runs.next(id, mark)).value().pieces)
        mark.of(piece.stream) += piece.bytes.size();
    }
    co_return mark;
  }

  std::string root_;
  LocalRuns::UseCgroups cgroups_ = LocalRuns::UseCgroups::where_found;
  LocalRunners runners_{OCTO_RUNNER};
  int gate_ = -1;
  asio::io_context loop_;
  SystemClock clock_{loop_.get_executor()};
  ThreadWorkers workers_{2};
};

}  // namespace octo::tentacle
