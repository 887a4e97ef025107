// SPDX-License-Identifier: MIT
#include "nameserver/registry.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "async/event.hpp"
#include "async/nursery.hpp"
#include "nameserver/rules.hpp"

namespace octo::nameserver {
namespace {

// Time that the test moves.
class MovedClock final : public Clock {
 public:
  explicit MovedClock(Executor executor) : moved_(std::move(executor)) {}
  Instant now() const override { return Instant(1h) + passed; }
  WallTime wall() const override { return WallTime(1'700'000'000s) + passed + set; }
  Async<void> sleep_until(Instant when) override {
    while (now() < when) co_await moved_.wait();
  }
  void move(Span span) {
    passed += span;
    moved_.set();
  }
  Span passed{}, set{};  // set: what somebody did to the wall clock

 private:
  Event moved_;
};

class RegistryTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/octo_names_XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    open();
  }
  void TearDown() override {
    registry_.reset();
    std::filesystem::remove_all(folder_);
  }
  // As after a restart.
  void open() {
    registry_.reset();
    registry_ = Registry::open(folder_, clock_, workers_).value();
  }
  Result<void> run(Async<Result<void>> work) {
    std::optional<Result<void>> outcome;
    asio::co_spawn(loop_, std::move(work), [&](std::exception_ptr error, Result<void> result) {
      if (error) std::rethrow_exception(error);
      outcome = std::move(result);
    });
    loop_.restart();
    loop_.run();
    return *outcome;
  }
  Result<void> put(std::vector<api::NameEntry> entries) { return run(registry_->put(std::move(entries))); }
  std::vector<std::string> keys(const Registry::Filter& filter = {}) const {
    std::vector<std::string> found;
    for (const auto& entry : registry_->list(filter).entries) found.push_back(entry.key);
    return found;
  }

  asio::io_context loop_;
  MovedClock clock_{loop_.get_executor()};
  InlineWorkers workers_;
  std::string folder_;
  std::unique_ptr<Registry> registry_;
};

using Keys = std::vector<std::string>;

TEST_F(RegistryTest, ANameIsFoundUntilItsTimeIsOver) {
  ASSERT_TRUE(
      put({{"b.short", "", "1", "", 100}, {"b.default", "", "2", "", 0}, {"b.ever", "", "3", "", -1}}));
  EXPECT_EQ(registry_->find("b.short")->value, "1");
  EXPECT_EQ(registry_->find("b.none"), nullptr);
  clock_.move(100ms);
  EXPECT_EQ(registry_->find("b.short"), nullptr);
  EXPECT_EQ(keys(), (Keys{"b.default", "b.ever"}));
  clock_.move(5s);
  EXPECT_EQ(keys(), Keys{"b.ever"});
  EXPECT_EQ(registry_->count(), 1U);
}

TEST_F(RegistryTest, WritingAgainRenewsAndReplaces) {
  ASSERT_TRUE(put({{"b.x", "", "1", "", 100}}));
  clock_.move(90ms);
  ASSERT_TRUE(put({{"b.x", "", "2", "", 100}}));
  clock_.move(90ms);
  EXPECT_EQ(registry_->find("b.x")->value, "2");
  EXPECT_EQ(registry_->count(), 1U);
}

TEST_F(RegistryTest, NamesSurviveARestartWithTheTimeTheyHaveLeft) {
  ASSERT_TRUE(put(
      {{"b.ever", "addr", "h:1", "why", -1}, {"b.left", "", "v", "", 10'000}, {"b.gone", "", "v", "", 100}}));
  clock_.move(6s);
  open();
  EXPECT_EQ(keys(), (Keys{"b.ever", "b.left"}));
  EXPECT_EQ(registry_->find("b.ever")->type, "addr");
  EXPECT_EQ(registry_->find("b.ever")->description, "why");
  clock_.move(4s);
  EXPECT_EQ(keys(), Keys{"b.ever"});
}

TEST_F(RegistryTest, AWallClockSetBackMakesNoNameLiveLonger) {
  ASSERT_TRUE(put({{"b.x", "", "v", "", 10'000}}));
  clock_.set = -24h;
  open();
  EXPECT_NE(registry_->find("b.x"), nullptr);
  clock_.move(10s);
  EXPECT_EQ(registry_->find("b.x"), nullptr);
}

TEST_F(RegistryTest, RemovedIsGoneAlsoAfterARestart) {
  ASSERT_TRUE(put({{"b.x", "", "v", "", -1}}));
  EXPECT_TRUE(run(registry_->remove("b.x")));
  EXPECT_EQ(run(registry_->remove("b.x")).error().code(), ErrorCode::not_found);
  open();
  EXPECT_TRUE(keys().empty());
}

TEST_F(RegistryTest, TheSweepForgetsOnDiskButNotWhatWasWrittenAgain) {
  ASSERT_TRUE(put({{"b.old", "", "v", "", 100}, {"b.again", "", "v", "", 100}}));
  asio::co_spawn(
      loop_,
      [this]() -> Async<void> {
        co_await in_nursery([this](Nursery& nursery) -> Async<void> {
          clock_.move(200ms);
          (void)co_await registry_->put({{"b.again", "", "new", "", -1}});
          nursery.spawn(registry_->sweep());
          co_await asio::post(loop_, asio::use_awaitable);
          co_await asio::post(loop_, asio::use_awaitable);
        });
      },
      [](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);
      });
  loop_.restart();
  loop_.run();
  clock_.passed = {};  // were they still on disk, they would be back
  open();
  EXPECT_EQ(keys(), Keys{"b.again"});
}

TEST_F(RegistryTest, ALongListComesInPages) {
  std::vector<api::NameEntry> many;
  for (int i = 0; i < 500; ++i)
    many.push_back({fmt::format("b.{:04}", i), "", std::string(4000, 'v'), "", -1});
  ASSERT_TRUE(put(many));
  Registry::Filter filter;
  Keys all;
  int pages = 0;
  do {
    const auto page = registry_->list(filter);
    for (const auto& entry : page.entries) all.push_back(entry.key);
    filter.from = page.next;
    ++pages;
  } while (!filter.from.empty());
  EXPECT_GT(pages, 2);
  ASSERT_EQ(all.size(), 500U);
  EXPECT_TRUE(std::ranges::is_sorted(all));
  EXPECT_EQ(keys({.match = api::NameMatch::suffix, .text = "99"}),
            (Keys{"b.0099", "b.0199", "b.0299", "b.0399", "b.0499"}));
}

TEST_F(RegistryTest, TooManyNamesAreRefusedWhole) {
  std::vector<api::NameEntry> many;
  for (std::size_t i = 0; i < kNamesMax; ++i) many.push_back({fmt::format("b.{}", i), "", "v", "", -1});
  ASSERT_TRUE(put(many));
  EXPECT_EQ(put({{"b.0", "", "w", "", -1}, {"b.one more", "", "v", "", -1}}).error().code(),
            ErrorCode::exhausted);
  EXPECT_EQ(registry_->find("b.0")->value, "v");
  EXPECT_TRUE(put({{"b.0", "", "w", "", -1}})) << "what is there can be renewed";
}

}  // namespace
}  // namespace octo::nameserver
