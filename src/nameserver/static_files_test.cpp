// SPDX-License-Identifier: MIT
#include "nameserver/static_files.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

namespace octo::nameserver {
namespace {

namespace fs = std::filesystem;

struct Collected final : http::BodyWriter {
  Async<Result<void>> write(BytesView piece) override {
    bytes += piece;
    co_return Result<void>{};
  }
  Bytes bytes;
};

class StaticFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/octo_static_XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    fs::create_directories(folder_ + "/served/sub");
    write("served/pack age.tar", "0123456789");
    write("served/sub/inner", "inner");
    write("secret", "secret");
    files_.emplace(std::vector<StaticFiles::Folder>{{"/release", folder_ + "/served"},
                                                    {"/release/special", folder_ + "/served/sub"}},
                   workers_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const std::string& path, const std::string& text) {
    std::ofstream(folder_ + "/" + path) << text;
  }

  struct Got {
    int status = 0;
    http::Headers headers;
    Bytes body;
    std::optional<std::uint64_t> promised;
  };
  std::optional<Got> get(const std::string& path, http::Headers headers = {}) {
    std::optional<Got> got;
    asio::co_spawn(
        loop_,
        [&]() -> Async<void> {
          const http::Request request{.method = "GET", .path = path, .headers = headers};
          auto reply = co_await files_->serve(request);
          if (!reply) co_return;
          Collected body;
          if (reply->stream) EXPECT_TRUE(co_await reply->stream(body));
          got = Got{reply->status, reply->headers, reply->stream ? body.bytes : reply->body,
                    reply->stream_bytes};
        },
        [](std::exception_ptr error) {
          if (error) std::rethrow_exception(error);
        });
    loop_.restart();
    loop_.run();
    return got;
  }

  asio::io_context loop_;
  InlineWorkers workers_;
  std::string folder_;
  std::optional<StaticFiles> files_;
};

TEST_F(StaticFilesTest, AFileIsServedWhole) {
  const auto got = get("/release/pack%20age.tar");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->body, "0123456789");
  EXPECT_EQ(got->promised, 10U);
  EXPECT_EQ(got->headers.at("accept-ranges"), "bytes");
  EXPECT_EQ(get("/release/special/inner")->body, "inner") << "the longest url counts";
  EXPECT_FALSE(get("/releases/pack%20age.tar"));
  EXPECT_FALSE(get("/release"));
}

TEST_F(StaticFilesTest, ARangeIsServedAsAPart) {
  const auto got = get("/release/pack%20age.tar", {{"range", "bytes=2-4"}});
  EXPECT_EQ(got->status, 206);
  EXPECT_EQ(got->body, "234");
  EXPECT_EQ(got->promised, 3U);
  EXPECT_EQ(got->headers.at("content-range"), "bytes 2-4/10");
  const auto beyond = get("/release/pack%20age.tar", {{"range", "bytes=10-"}});
  EXPECT_EQ(beyond->status, 416);
  EXPECT_EQ(beyond->headers.at("content-range"), "bytes */10");
  EXPECT_EQ(beyond->headers.at("content-type"), "application/problem+json");
  EXPECT_NE(beyond->body.find("\"status\":416"), Bytes::npos) << beyond->body;
}

TEST_F(StaticFilesTest, IfRangeOfAnotherFileGivesTheWholeFile) {
  const std::string etag = get("/release/pack%20age.tar")->headers.at("etag");
  EXPECT_EQ(get("/release/pack%20age.tar", {{"range", "bytes=0-0"}, {"if-range", etag}})->status, 206);
  write("served/pack age.tar", "another content");
  const auto whole = get("/release/pack%20age.tar", {{"range", "bytes=0-0"}, {"if-range", etag}});
  EXPECT_EQ(whole->status, 200);
  EXPECT_EQ(whole->body, "another content");
}

TEST_F(StaticFilesTest, RangesAreReadAsTheStandardSays) {
  const auto part = [](std::string_view header) { return parse_range(header, 10).value(); };
  EXPECT_EQ(part("bytes=0-0"), (Part{0, 1}));
  EXPECT_EQ(part("bytes=7-"), (Part{7, 3}));
  EXPECT_EQ(part("bytes=7-99"), (Part{7, 3}));
  EXPECT_EQ(part("bytes=-3"), (Part{7, 3}));
  EXPECT_EQ(part("bytes=-99"), (Part{0, 10}));
  for (const char* ignored : {"", "items=0-1", "bytes=0-1,3-4", "bytes=4-2", "bytes=-", "bytes=a-b",
                              "bytes=+1-2", "bytes=1--2", "bytes=99999999999999999999-"}) {
    EXPECT_EQ(part(ignored), std::nullopt) << ignored;
  }
  EXPECT_FALSE(parse_range("bytes=10-", 10));
  EXPECT_FALSE(parse_range("bytes=-0", 10));
  EXPECT_FALSE(parse_range("bytes=0-", 0));
}

TEST_F(StaticFilesTest, NothingOutsideTheFolderIsReached) {
  fs::create_symlink(folder_ + "/secret", folder_ + "/served/link");
  fs::create_directory_symlink(folder_, folder_ + "/served/up");
  ASSERT_EQ(::mkfifo((folder_ + "/served/pipe").c_str(), 0600), 0);
  for (const char* path :
       {"/release/../secret", "/release/%2e%2e/secret", "/release/..%2fsecret", "/release/link",
        "/release/up/secret", "/release//etc/passwd", "/release/sub", "/release/sub/", "/release/pipe",
        "/release/none", "/release/pack%00age", "/release/%zz", "/release/./sub/inner"}) {
    const auto got = get(path);
    ASSERT_TRUE(got) << path;
    EXPECT_EQ(got->status, 404) << path;
    EXPECT_EQ(got->body.find("secret"), Bytes::npos);
  }
}

TEST_F(StaticFilesTest, ANameThatNoFileCanHaveIsNotFound) {
  std::string deep = "/release";
  for (int i = 0; i < 2500; ++i) deep += "/d";
  for (const std::string& path : {"/release/" + std::string(256, 'x'), "/release/" + std::string(5000, 'x'),
                                  deep, std::string("/release/none")}) {
    const auto got = get(path);
    ASSERT_TRUE(got) << path.size();
    EXPECT_EQ(got->status, 404) << path.size();
    EXPECT_EQ(got->headers.at("content-type"), "application/problem+json");
  }
}

TEST_F(StaticFilesTest, AFileThatShrinksUnderItsReaderIsAnError) {
  write("served/big", std::string(1 << 20, 'x'));
  std::optional<Result<void>> sent;
  asio::co_spawn(
      loop_,
      [&]() -> Async<void> {
        const http::Request request{.method = "GET", .path = "/release/big"};
        auto reply = co_await files_->serve(request);
        fs::resize_file(folder_ + "/served/big", 10);
        Collected body;
        sent = co_await reply->stream(body);
      },
      [](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);
      });
  loop_.run();
  EXPECT_FALSE(*sent);
}

}  // namespace
}  // namespace octo::nameserver
