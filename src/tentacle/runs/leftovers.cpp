// SPDX-License-Identifier: MIT
#include "tentacle/runs/leftovers.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "io/files/files.hpp"
#include "io/process/process.hpp"
#include "runner/folder.hpp"
#include "runner/tree.hpp"
#include "tentacle/runs/journal.hpp"

namespace octo::tentacle {

namespace {

constexpr int kPassesMax = 250;  // of 20 ms: five seconds, then it hangs in the kernel

bool carries(pid_t pid, const std::string& variable) {
  const int fd = ::open(fmt::format("/proc/{}/environ", pid).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  std::string environment(1, '\0');
  char part[16 * 1024];
  for (ssize_t got; (got = ::read(fd, part, sizeof part)) > 0;)
    environment.append(part, static_cast<std::size_t>(got));
  ::close(fd);
  return environment.find('\0' + variable + '\0') != std::string::npos;
}

// Who carries the mark or is in the command's session; then whose parent, or anybody of whose session, is one
// of them: a session has no members but descendants of who began it.
void each_remaining(const std::string& variable, const std::optional<runner::Started>& started,
                    const runner::Found& found) {
  const auto we = runner::process_facts(::getpid());
  std::set<pid_t> family, sessions;
  // Its number alone is not enough: it may have been given to another process since.
  const auto leader = started ? runner::process_facts(static_cast<pid_t>(started->pid)) : std::nullopt;
  if (leader && leader->ticks == started->ticks) sessions.insert(leader->pid);
  const auto is_kin = [&](const runner::ProcessFacts& facts) {
    return family.contains(facts.parent) || sessions.contains(facts.session);
  };
  const auto take = [&](const runner::ProcessFacts& facts) {
    family.insert(facts.pid);
    if (facts.session != 0 && we && facts.session != we->session) sessions.insert(facts.session);
    if (!facts.dead()) found(facts);
  };
  std::vector<runner::ProcessFacts> others;
  runner::each_process([&](const runner::ProcessFacts& facts) {
    if (facts.pid == ::getpid()) return;
    if (is_kin(facts) || carries(facts.pid, variable)) take(facts);
    else others.push_back(facts);
  });
  const auto take_kin = [&](const runner::ProcessFacts& facts) {
    if (!is_kin(facts)) return false;
    take(facts);
    return true;
  };
  while (std::erase_if(others, take_kin) > 0) {
  }
}

}  // namespace

std::string kill_leftovers(const std::string& folder, const std::optional<runner::Started>& started) {
  const auto claim_bytes = files::load(files::join(folder, runner::kClaimFile), 4096);
  const auto claim =
      claim_bytes ? runner::decode_claim(*claim_bytes) : fail(ErrorCode::not_found, "no claim");
  if (claim && claim->boot != runner::boot_id()) return {};
  if (const auto intent = load_intent(folder); intent && !intent->cgroup.empty()) {
    (void)process::Cgroups::kill(intent->cgroup);
    (void)process::Cgroups::remove(intent->cgroup);
  }
  const std::string variable = fmt::format("OCTOPODA_OUTPUT={}/{}", folder, runner::kNoteFile);
  // Whoever goes on as another process all the time may be missed by one look.
  constexpr int kEmptyLooks = 2;
  int empty_looks = 0;
  for (int pass = 0; pass < kPassesMax; ++pass) {
    bool empty = true;
    runner::kill_all([&](const runner::Found& found) {
      each_remaining(variable, started, [&](const runner::ProcessFacts& facts) {
        empty = false;
        found(facts);
      });
    });
    empty_looks = empty ? empty_looks + 1 : 0;
    if (empty_looks == kEmptyLooks) return {};
    ::poll(nullptr, 0, 20);
  }
  return "; some of its processes could not be killed";
}

void sweep_cgroups(const std::string& parent, const std::string& prefix,
                   const std::function<Owner(const std::string& name)>& owner_of) {
  constexpr Span kYoung = 1min;  // a run that we do not know yet may be about to start in it
  for (const std::string& name : names_in(parent)) {
    struct stat facts{};
    const std::string path = files::join(parent, name);
    if (!name.starts_with(prefix) || ::stat(path.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode)) continue;
    const Owner owner = owner_of(name);
    const WallTime changed(std::chrono::seconds(facts.st_mtim.tv_sec));
    const bool old = runner::wall_now() - changed > kYoung;
    if (owner == Owner::ended || (owner == Owner::unknown && old)) (void)process::Cgroups::remove(path);
  }
}

}  // namespace octo::tentacle
