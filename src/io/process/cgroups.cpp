// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <set>

#include "base/text.hpp"
#include "io/process/process.hpp"

namespace octo::process {

namespace {

constexpr int kKillWaitMs = 5000;  // a killed tree is gone in milliseconds unless the kernel itself hangs
constexpr std::size_t kHeldMax =
    256;  // at once: each is a descriptor; who comes behind is killed the next time

std::string load(const std::string& path) {
  std::string text;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  char buffer[4096];
  for (ssize_t got; (got = ::read(fd, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  ::close(fd);
  return text;
}

bool write_text(const std::string& path, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return written;
}

// mountinfo writes blanks and the like as \ooo.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out.push_back(
          static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// Folder of this process's own cgroup, or "".
std::string own_cgroup() {
  std::string mine;
  for (const std::string& line : split(load("/proc/self/cgroup"), '\n')) {
    if (line.starts_with("0::")) mine = line.substr(3);
  }
  if (mine.empty()) return {};
  for (const std::string& line : split(load("/proc/self/mountinfo"), '\n')) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos || !line.substr(dash + 3).starts_with("cgroup2 ")) continue;
    const std::vector<std::string> words = split(line, ' ');
    const std::string top = unescape(words[3]);
    const std::string mount = unescape(words[4]);
    const std::string_view inside = top == "/"              ? std::string_view(mine)
                                    : mine.starts_with(top) ? std::string_view(mine).substr(top.size())
                                                            : std::string_view();
    return inside.empty() || inside == "/" ? mount : mount + std::string(inside);
  }
  return {};
}

template <class Each>
void each_folder(const std::string& path, const Each& each) {
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return;
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_type == DT_DIR && std::strcmp(entry->d_name, ".") != 0 &&
        std::strcmp(entry->d_name, "..") != 0) {
      each(path + "/" + entry->d_name);
    }
  }
  ::closedir(folder);
}

std::vector<std::string> members_of(const std::string& path) {
  return split(load(path + "/cgroup.procs"), '\n');
}

// For kernels before 5.14, which have no cgroup.kill. Who is listed once we hold it is who we hold.
void kill_each(const std::string& path) {
  std::vector<std::pair<std::string, Process>> held;
  for (const std::string& line : members_of(path)) {
    const auto pid = parse_number(line);
    if (!pid || *pid <= 0) continue;
    if (auto process = Process::open(static_cast<pid_t>(*pid))) held.emplace_back(line, std::move(*process));
    if (held.size() == kHeldMax) break;
  }
  const std::vector<std::string> members = members_of(path);
  const std::set<std::string> still(members.begin(), members.end());
  for (auto& [line, process] : held) {
    if (still.contains(line)) (void)process.signal(SIGKILL);
  }
  each_folder(path, kill_each);
}

}  // namespace

std::optional<Cgroups> Cgroups::find() {
  const std::string own = own_cgroup();
  if (own.empty()) return std::nullopt;
  const std::string ours = own + "/octopoda";
  if (::mkdir(ours.c_str(), 0755) != 0 && errno != EEXIST) return std::nullopt;
  if (::access((ours + "/cgroup.procs").c_str(), W_OK) != 0) return std::nullopt;
  return Cgroups(own);
}

std::string Cgroups::path_of(std::string_view name) const {
  return fmt::format("{}/octopoda/{}", root_, name);
}

Result<void> Cgroups::make(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return {};
  return fail(errno == EAGAIN || errno == ENOMEM ? ErrorCode::exhausted : ErrorCode::internal,
              "make cgroup {}: {}", path, std::strerror(errno));
}

// The controllers have to be switched on in every group above; the one we live in may refuse, because it
// holds processes, and then the host's init has to do it (Delegate=yes).
Result<void> Cgroups::bound(const std::string& path, std::uint64_t memory_bytes, std::uint64_t processes,
                            std::uint64_t cpu_percent) {
  constexpr std::uint64_t kPeriodMicroseconds = 100'000;
  struct Bound {
    std::uint64_t value;
    const char* controller;
    const char* file;
    std::string text;
  };
  const Bound bounds[] = {
      {memory_bytes, "memory", "memory.max", fmt::format("{}", memory_bytes)},
      {processes, "pids", "pids.max", fmt::format("{}", processes)},
      {cpu_percent, "cpu", "cpu.max",
       fmt::format("{} {}", cpu_percent * kPeriodMicroseconds / 100, kPeriodMicroseconds)}};
  const std::string ours = path.substr(0, path.rfind('/'));
  for (const Bound& bound : bounds) {
    if (bound.value == 0) continue;
    for (const std::string& group : {ours.substr(0, ours.rfind('/')), ours})
      (void)write_text(group + "/cgroup.subtree_control", fmt::format("+{}", bound.controller));
    if (!write_text(path + "/" + bound.file, bound.text)) {
      return fail(ErrorCode::unsupported, "this host cannot bound {} of a run (no {} controller in {})",
                  bound.controller, bound.controller, ours);
    }
  }
  return {};
}

Result<void> Cgroups::kill(const std::string& path) {
  const int events = ::open((path + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC);
  if (events < 0) return {};  // the group is gone, and with it all that was in it
  bool populated = true;
  for (int waited = 0; waited < kKillWaitMs; waited += 50) {
    char text[256] = {};
    const ssize_t got = ::pread(events, text, sizeof text - 1, 0);
    populated = got > 0 && std::string_view(text).find("populated 1") != std::string_view::npos;
    if (!populated) break;
    if (!write_text(path + "/cgroup.kill", "1")) kill_each(path);
    pollfd changed{events, POLLPRI, 0};
    ::poll(&changed, 1, 50);
  }
  ::close(events);
  if (populated)
    return fail(ErrorCode::timed_out, "processes in {} do not end although they were killed", path);
  return {};
}

Result<void> Cgroups::remove(const std::string& path) {
  each_folder(path, [](const std::string& inner) { (void)remove(inner); });
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail(errno == EBUSY ? ErrorCode::conflict : ErrorCode::internal, "remove cgroup {}: {}", path,
              std::strerror(errno));
}

}  // namespace octo::process
