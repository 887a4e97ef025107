// SPDX-License-Identifier: MIT
// octl-sync NAME [--timeout S]: called by a running command or script, waits until every run of its task (of
// its step) has come to the barrier NAME. spec/time.md tells what it promises.
//
// It asks the agent over a socket and asks again when the agent is restarted, so an answer lost is no barrier
// lost. No library but libc: it is linked statically, and as small as it is simple.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

constexpr int kPassed = 0, kFailed = 1, kUsage = 2, kTimedOut = 124;
constexpr long kAskAgainMs = 200;
constexpr std::string_view kUsageText =
    "usage: octl-sync NAME [--timeout SECONDS]\n"
    "Waits until every run of this task has called octl-sync with the same NAME. Exits 0 when all have "
    "come,\n"
    "1 when one never will (it says which), 124 when the time is over.\n";

int complain(std::string_view text) {
  const std::string line = "octl-sync: " + std::string(text) + "\n";
  (void)!::write(STDERR_FILENO, line.data(), line.size());
  return kFailed;
}

long now_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
}

// Milliseconds, from whole or broken seconds; -1: none.
long parse_seconds(const char* text) {
  char* end = nullptr;
  const double seconds = std::strtod(text, &end);
  return end == text || *end != '\0' || !(seconds >= 0) || seconds > 1e9 ? -1
                                                                         : static_cast<long>(seconds * 1000);
}

// By the folder's descriptor: a socket's path may be longer than an address holds.
int dial(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return -1;
  const int folder = ::open(path.substr(0, slash + 1).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return -1;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder,
                path.c_str() + slash + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool dialled =
      fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(folder);
  if (!dialled && fd >= 0) ::close(fd);
  return dialled ? fd : -1;
}

// The agent's line, or "" when it went away or the time is over.
std::string ask(const std::string& socket, const std::string& question, long until) {
  const int fd = dial(socket);
  if (fd < 0) return "";
  std::string answer;
  if (::send(fd, question.data(), question.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(question.size())) {
    while (!answer.ends_with('\n')) {
      const long left = until < 0 ? -1 : until - now_ms();
      if (until >= 0 && left <= 0) break;
      pollfd facts{fd, POLLIN, 0};
      const int ready = ::poll(&facts, 1, static_cast<int>(left > 60'000 ? 60'000 : left));
      if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
      char piece[1024];
      const ssize_t got = ::read(fd, piece, sizeof piece);
      if (got <= 0) break;
      answer.append(piece, static_cast<std::size_t>(got));
    }
  }
  ::close(fd);
  return answer.ends_with('\n') ? answer.substr(0, answer.size() - 1) : "";
}

}  // namespace

int main(int count, char** words) {
  const char* name = nullptr;
  long timeout = -1;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "-h" || word == "--help")
      return std::fputs(kUsageText.data(), stdout) < 0 ? kFailed : kPassed;
    const bool apart = word == "--timeout" && i + 1 < count;
    const bool joined = word.starts_with("--timeout=");
    if (apart || joined) {
      timeout = parse_seconds(apart ? words[++i] : words[i] + sizeof "--timeout=" - 1);
      if (timeout < 0) {
        complain(std::string("--timeout ") + words[i] + ": a number of seconds is expected, like 30 or 0.5");
        return kUsage;
      }
    } else if (word.starts_with("-") || name != nullptr) {
      complain("unknown word " + std::string(word));
      (void)!::write(STDERR_FILENO, kUsageText.data(), kUsageText.size());
      return kUsage;
    } else {
      name = words[i];
    }
  }
  if (name == nullptr || *name == '\0' || std::strpbrk(name, " \t\n\r") != nullptr) {
    (void)!::write(STDERR_FILENO, kUsageText.data(), kUsageText.size());
    return kUsage;
  }
  const char* socket = std::getenv("OCTOPODA_SYNC");
  const char* task = std::getenv("OCTOPODA_TASK");
  const char* step = std::getenv("OCTOPODA_STEP");
  const char* attempt = std::getenv("OCTOPODA_ATTEMPT");
  if (socket == nullptr || task == nullptr || step == nullptr || attempt == nullptr)
    return complain("this is no run of a task: OCTOPODA_SYNC, OCTOPODA_TASK, _STEP and _ATTEMPT are not set");
  const std::string question = std::string(task) + "." + step + "." + attempt + " " + name + "\n";
  const long until = timeout < 0 ? -1 : now_ms() + timeout;
  while (true) {
    const std::string answer = ask(socket, question, until);
    if (answer == "ok") return kPassed;
    if (answer.starts_with("error ")) return complain(answer.substr(6));
    if (until >= 0 && now_ms() >= until) {
      complain("barrier " + std::string(name) + ": not all had come when the time was over");
      return kTimedOut;
    }
    // The agent is being restarted, and will know us again.
    ::poll(nullptr, 0, kAskAgainMs);
  }
}
