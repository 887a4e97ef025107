// SPDX-License-Identifier: MIT
#include "setup/run_cgroups.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "io/files/files.hpp"
#include "io/process/process.hpp"
#include "io/settings/settings.hpp"

namespace octo::setup {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kParent = "octopoda";  // of every run's, below the agent's own

std::vector<std::string> lines_of(const std::string& file) {
  std::ifstream stream(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Where cgroup v2 is mounted, on hybrid hosts too.
std::vector<std::string> mount_points() {
  constexpr std::size_t kPoint = 1, kType = 2;  // proc(5), mounts
  std::vector<std::string> points;
  for (const std::string& line : lines_of("/proc/self/mounts")) {
    const auto fields = split(line, ' ');
    if (fields.size() > kType && fields[kType] == "cgroup2") points.push_back(fields[kPoint]);
  }
  return points;
}

// "<node>.<run>", as tentacle/runs names them.
Result<std::set<std::string>> names_of_runs(const Layout& layout) {
  std::set<std::string> names;
  for (const NodeName& node : OCTO_TRY(find_nodes(layout))) {
    // Settings that cannot be read are no reason to leave commands running: then the folder is where init
    // puts it.
    const auto settings = settings::load_tentacle(layout.node_settings(node));
    const std::string data = settings ? settings->settings.data : layout.node(node) + "/data";
    const std::string runs = files::join(data, "runs");
    if (!files::exists(runs)) continue;
    for (const std::string& run : OCTO_TRY(files::list(runs))) names.insert(fmt::format("{}.{}", node, run));
  }
  return names;
}

template <class Each>
void each_below(const std::string& folder, const Each& each) {
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, error), end;
  // Groups come and go while they are listed.
  for (; !error && entry != end; entry.increment(error)) {
    std::error_code gone;
    if (entry->is_directory(gone)) each(entry->path());
  }
}

}  // namespace

Result<std::vector<std::string>> find_run_cgroups(const Layout& layout) {
  const std::set<std::string> names = OCTO_TRY(names_of_runs(layout));
  std::vector<std::string> found;
  if (names.empty()) return found;
  for (const std::string& point : mount_points()) {
    each_below(point, [&](const fs::path& path) {
      if (path.parent_path().filename() == kParent && names.contains(path.filename().string()))
        found.push_back(path.string());
    });
  }
  return found;
}

std::vector<ProcessId> processes_in(const std::vector<std::string>& cgroups) {
  std::vector<ProcessId> ids;
  const auto add = [&](const fs::path& group) {
    for (const std::string& line : lines_of((group / "cgroup.procs").string())) {
      const auto pid = parse_number(line);
      if (!pid || *pid <= 0 || *pid == ::getpid()) continue;  // 0: of a pid namespace that we do not see
      if (const auto id = identify(static_cast<pid_t>(*pid))) ids.push_back(*id);
    }
  };
  for (const std::string& group : cgroups) {
    add(group);
    each_below(group, add);
  }
  return ids;
}

Result<void> remove_cgroups(const std::vector<std::string>& cgroups) {
  for (const std::string& group : cgroups) {
    OCTO_TRY(process::Cgroups::kill(group));
    OCTO_TRY(process::Cgroups::remove(group));
  }
  return {};
}

}  // namespace octo::setup
