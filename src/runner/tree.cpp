// SPDX-License-Identifier: MIT
#include "runner/tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <vector>

#include "base/text.hpp"

namespace octo::runner {

namespace {

constexpr int kStopPasses = 20;  // whoever forks faster than it is found is killed as it is, and again

template <class Each>
void each_entry(const std::string& path, const Each& each) {
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return;
  while (const dirent* entry = ::readdir(folder)) each(*entry);
  ::closedir(folder);
}

void send(const ProcessFacts& to, int number) {
  const auto held = static_cast<int>(::syscall(SYS_pidfd_open, to.pid, 0));
  if (held < 0) return;
  // Looked at again once it is held: if that is still who was found, it is also who is held.
  if (const auto facts = process_facts(to.pid); facts && facts->ticks == to.ticks)
    ::syscall(SYS_pidfd_send_signal, held, number, nullptr, 0);
  ::close(held);
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
      std::sscanf(rest + 1, " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d %*d %llu",
                  &facts.state, &facts.parent, &group, &facts.session, &facts.threads, &ticks) != 6) {
    return std::nullopt;
  }
  facts.ticks = ticks;
  return facts;
}

void each_process(const Found& found) {
  const int folder = ::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // A few at a time: of a list made at once, whoever goes on as another process within milliseconds is gone
  // when its turn comes, and the list has come to its end. So it is found under a number further on.
  alignas(dirent64) char few[256];
  for (long got = 0; (got = ::syscall(SYS_getdents64, folder, few, sizeof few)) > 0;) {
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(few + at);
      at += entry->d_reclen;
      const auto pid = parse_number(entry->d_name);
      if (!pid || *pid <= 0) continue;
      if (const auto facts = process_facts(static_cast<pid_t>(*pid))) found(*facts);
    }
  }
  if (folder >= 0) ::close(folder);
}

void each_descendant(pid_t root, const Found& found) {
  std::set<pid_t> family{root};
  std::vector<ProcessFacts> others;
  const auto take = [&](const ProcessFacts& facts) {
    if (!family.contains(facts.parent)) return false;
    family.insert(facts.pid);
    found(facts);
    return true;
  };
  each_process([&](const ProcessFacts& facts) {
    if (!take(facts)) others.push_back(facts);
  });
  while (std::erase_if(others, take) > 0) {
  }
}

void kill_all(const std::function<void(const Found&)>& find) {
  // Also who is not found a second time, because its parent went, was stopped by us.
  std::map<std::pair<pid_t, std::uint64_t>, ProcessFacts> all;
  bool grew = true;
  for (int pass = 0; grew && pass < kStopPasses; ++pass) {
    grew = false;
    find([&](const ProcessFacts& facts) {
      if (facts.state != 'T' && !facts.dead()) send(facts, SIGSTOP);
      grew = all.try_emplace({facts.pid, facts.ticks}, facts).second || grew;
    });
  }
  for (const auto& [name, facts] : all) send(facts, SIGKILL);
}

void signal_tree(pid_t root, const std::string& cgroup, int number) {
  if (number == SIGKILL && !cgroup.empty()) {
    const int fd = ::open((cgroup + "/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
      (void)!::write(fd, "1", 1);
      ::close(fd);
    }
  }
  if (number == SIGKILL) return kill_all([root](const Found& found) { each_descendant(root, found); });
  each_descendant(root, [number](const ProcessFacts& facts) {
    send(facts, number);
    if (facts.state == 'T') send(facts, SIGCONT);  // or it would not see the signal
  });
}

bool remove_cgroup(const std::string& path) {
  each_entry(path, [&](const dirent& entry) {
    if (entry.d_type == DT_DIR && entry.d_name[0] != '.') remove_cgroup(path + "/" + entry.d_name);
  });
  return ::rmdir(path.c_str()) == 0 || errno == ENOENT;
}

}  // namespace octo::runner
