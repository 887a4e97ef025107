// SPDX-License-Identifier: MIT
#define SPDLOG_HEADER_ONLY
#define SPDLOG_FMT_EXTERNAL
#include "io/log/log.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <memory>
#include <mutex>

#include "base/text.hpp"
#include "io/log/name.hpp"

namespace octo::log {

namespace {

namespace fs = std::filesystem;
constexpr std::uintmax_t kFileBytes = 32ULL * 1024 * 1024;

// <folder>/<prefix>_YYYY_MM_DD.log, then …_2.log and so on when one is full.
class DailyFile final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit DailyFile(To to) : to_(std::move(to)) {}
  ~DailyFile() override { close(); }

  Result<void> open(std::time_t now) {
    close();
    day_ = day_of(now);
    std::string path;
    for (part_ = 1;; ++part_) {
      path = path_of(part_);
      std::error_code absent;
      written_ = fs::file_size(path, absent);
      if (absent) written_ = 0;
      if (written_ < kFileBytes) break;
    }
    file_ = std::fopen(path.c_str(), "ae");
    if (file_ == nullptr)
      return fail(ErrorCode::unavailable, "open log file {}: {}", path, std::strerror(errno));
    remove_old(now);
    return {};
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::time_t now = spdlog::log_clock::to_time_t(message.time);
    if (day_of(now) != day_ || written_ >= kFileBytes) {
      if (!open(now)) return;
    }
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (file_ != nullptr) std::fwrite(line.data(), 1, line.size(), file_);
    written_ += line.size();
    flush_();
  }
  void flush_() override {
    if (file_ != nullptr) std::fflush(file_);
  }
  void close() {
    if (file_ != nullptr) std::fclose(file_);
    file_ = nullptr;
  }
  std::string path_of(int part) const {
    return part == 1 ? fmt::format("{}/{}_{}.log", to_.folder, to_.prefix, day_)
                     : fmt::format("{}/{}_{}_{}.log", to_.folder, to_.prefix, day_, part);
  }
  // By the day in the name: a copied or touched file keeps its age.
  void remove_old(std::time_t now) const {
    const std::string oldest =
        day_of(now - static_cast<std::time_t>(std::max(1, to_.keep_days) - 1) * 24 * 3600);
    std::error_code ignored;
    for (const FileName& file : list_files(to_.folder, to_.prefix)) {
      if (file.day < oldest) fs::remove(fs::path(to_.folder) / file.name, ignored);
    }
  }

  To to_;
  std::string day_;
  int part_ = 1;
  std::uintmax_t written_ = 0;
  std::FILE* file_ = nullptr;
};

std::shared_ptr<spdlog::logger> make_logger(std::vector<spdlog::sink_ptr> sinks, const std::string& program) {
  auto logger = std::make_shared<spdlog::logger>(program, sinks.begin(), sinks.end());
  logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %L %v");
  logger->set_level(spdlog::level::info);
  return logger;
}

std::shared_ptr<spdlog::logger>& current() {
  static auto logger = make_logger({std::make_shared<spdlog::sinks::stderr_sink_mt>()}, "octopoda");
  return logger;
}

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warning: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) line += fmt::format("\\x{:02x}", byte);
    else line += c;
  }
  return line;
}

}  // namespace

Result<void> open(const To& to) {
  std::vector<spdlog::sink_ptr> sinks;
  if (to.terminal || to.folder.empty()) sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  if (!to.folder.empty()) {
    std::error_code error;
    fs::create_directories(to.folder, error);
    if (error) return fail(ErrorCode::unavailable, "make log folder {}: {}", to.folder, error.message());
    auto file = std::make_shared<DailyFile>(to);
    OCTO_TRY(file->open(std::time(nullptr)));
    sinks.push_back(std::move(file));
  }
  const auto level = current()->level();
  current() = make_logger(std::move(sinks), to.program);
  current()->set_level(level);
  return {};
}

void set_level(Level level) { current()->set_level(level_of(level)); }
void write(Level level, std::string_view line) { current()->log(level_of(level), "{}", one_line(line)); }

}  // namespace octo::log
