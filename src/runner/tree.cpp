// SPDX-License-Identifier: MIT
#include "runner/tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <set>

#include "base/text.hpp"

namespace octo::runner {

namespace {

constexpr int kStopPasses = 5;  // then whoever did not stop (uninterruptible sleep) is killed as it is

template <class Each>
void each_entry(const std::string& path, const Each& each) {
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return;
  while (const dirent* entry = ::readdir(folder)) each(*entry);
  ::closedir(folder);
}

}  // namespace

std::optional<ProcessFacts> process_facts(pid_t pid) {
  char text[1024];
  std::snprintf(text, sizeof text, "/proc/%d/stat", static_cast<int>(pid));
  const int fd = ::open(text, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  const ssize_t got = ::read(fd, text, sizeof text - 1);
  ::close(fd);
  if (got <= 0) return std::nullopt;
  text[got] = '\0';
  // The second field is the program's name in brackets and may hold anything.
  const char* rest = std::strrchr(text, ')');
  ProcessFacts facts{.pid = pid};
  int group = 0;
  unsigned long long ticks = 0;
  if (rest == nullptr ||
      std::sscanf(rest + 1, " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                  &facts.state, &facts.parent, &group, &facts.session, &ticks) != 5) {
    return std::nullopt;
  }
  facts.ticks = ticks;
  return facts;
}

std::vector<ProcessFacts> processes() {
  std::vector<ProcessFacts> all;
  each_entry("/proc", [&](const dirent& entry) {
    const auto pid = parse_number(entry.d_name);
    if (!pid || *pid <= 0) return;
    if (const auto facts = process_facts(static_cast<pid_t>(*pid))) all.push_back(*facts);
  });
  return all;
}

std::vector<ProcessFacts> descendants(pid_t root) {
  std::vector<ProcessFacts> others = processes();
  std::set<pid_t> family{root};
  std::vector<ProcessFacts> found;
  for (bool grew = true; grew;) {
    grew = false;
    std::erase_if(others, [&](const ProcessFacts& facts) {
      if (!family.contains(facts.parent)) return false;
      family.insert(facts.pid);
      found.push_back(facts);
      return grew = true;
    });
  }
  return found;
}

void signal_tree(pid_t root, const std::string& cgroup, int number) {
  if (number == SIGKILL && !cgroup.empty()) {
    const int fd = ::open((cgroup + "/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
      (void)!::write(fd, "1", 1);
      ::close(fd);
    }
  }
  std::vector<ProcessFacts> found = descendants(root);
  const auto forks = [](const ProcessFacts& facts) { return facts.state != 'T' && !facts.dead(); };
  for (int pass = 0; number == SIGKILL && pass < kStopPasses && std::ranges::any_of(found, forks); ++pass) {
    for (const ProcessFacts& facts : found) ::kill(facts.pid, SIGSTOP);
    found = descendants(root);
  }
  for (const ProcessFacts& facts : found) {
    ::kill(facts.pid, number);
    if (facts.state == 'T') ::kill(facts.pid, SIGCONT);  // or it would not see the signal
  }
}

bool remove_cgroup(const std::string& path) {
  each_entry(path, [&](const dirent& entry) {
    if (entry.d_type == DT_DIR && entry.d_name[0] != '.') remove_cgroup(path + "/" + entry.d_name);
  });
  return ::rmdir(path.c_str()) == 0 || errno == ENOENT;
}

}  // namespace octo::runner
