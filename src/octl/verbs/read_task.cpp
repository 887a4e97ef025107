// SPDX-License-Identifier: MIT
#include "octl/verbs/read_task.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "domain/limits.hpp"
#include "io/files/files.hpp"
#include "octl/quantity.hpp"

namespace octo::octl {

namespace {

constexpr std::array<std::string_view, 4> kSays = {"-c", "-cc", "-bg", "-ss"};
constexpr std::size_t kReadBytes = 64 * 1024;
constexpr Span kWatchShortest = 100ms;  // a typing mistake is no flood

Result<void> read_script(api::StartTask& task, const std::string& path) {
  task.kind = TaskKind::script;
  task.text = OCTO_TRY(files::load(path, limits::script_bytes_max).with("read the script"));
  task.script_name = path.substr(path.rfind('/') + 1);
  return {};
}

// What to run, and where.
Result<void> read_deed(const CommandLine& line, api::StartTask& task) {
  const auto given = static_cast<std::size_t>(
      std::ranges::count_if(kSays, [&](std::string_view flag) { return line.given(flag); }));
  if (given > 1) return fail(ErrorCode::invalid_argument, "give one of -c, -cc, -bg and -ss, not {}", given);
  std::span<const std::string> nodes = line.words;
  if (line.given("-ss")) {
    OCTO_TRY(read_script(task, line.text("-ss")));
  } else if (given == 1) {
    task.background = line.given("-bg");
    task.text =
        line.text(*std::ranges::find_if(kSays, [&](std::string_view flag) { return line.given(flag); }));
  } else if (!nodes.empty()) {
    task.text = nodes.front();
    nodes = nodes.subspan(1);
  }
  if (task.text.empty())
    return fail(ErrorCode::invalid_argument, "the {} is empty: there is nothing to run", name_of(task.kind));
  if (nodes.empty()) return fail(ErrorCode::invalid_argument, "on which nodes? Name them after the command");
  if (task.kind == TaskKind::command && task.text.size() > limits::command_bytes_max) {
    return fail(ErrorCode::too_large, "a command of {} bytes, {} at most: use -ss <script>", task.text.size(),
                limits::command_bytes_max);
  }
  task.nodes.assign(nodes.begin(), nodes.end());
  return {};
}

Result<std::optional<Share>> read_share(const CommandLine& line, std::string_view flag) {
  if (!line.given(flag)) return std::optional<Share>();
  return std::optional(OCTO_TRY(parse_share(line.text(flag)).with(flag)));
}

Result<void> read_rollout(const CommandLine& line, Rollout& rollout) {
  if (line.given("--on-offline")) {
    const auto rule = find_offline_rule(line.text("--on-offline"));
    if (!rule)
      return fail(ErrorCode::invalid_argument, "--on-offline {}: fail, skip or queue is expected",
                  quote(line.text("--on-offline")));
    rollout.on_offline = *rule;
  }
  rollout.batch = OCTO_TRY(read_share(line, "--batch"));
  if (rollout.batch && rollout.batch->value == 0)
    return fail(ErrorCode::invalid_argument, "--batch {}: at least one node at a time", line.text("--batch"));
  rollout.max_fail = OCTO_TRY(read_share(line, "--max-fail"));
  const std::uint64_t retries = OCTO_TRY(line.number("--retries", 0));
  if (retries > kRetriesMax)
    return fail(ErrorCode::invalid_argument, "--retries {}: {} at most; more is a loop in the command",
                retries, kRetriesMax);
  rollout.retries = static_cast<std::uint32_t>(retries);
  return {};
}

Result<void> read_environment(const CommandLine& line, api::StartTask& task) {
  for (const std::string& pair : line.all("--env")) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(ErrorCode::invalid_argument, "--env {}: <name>=<value> is expected", quote(pair));
    const std::string name = pair.substr(0, equals);
    if (std::ranges::find(task.environment, name, &std::pair<std::string, std::string>::first) !=
        task.environment.end()) {
      return fail(ErrorCode::invalid_argument, "--env: {} is given twice", quote(name));
    }
    task.environment.emplace_back(name, pair.substr(equals + 1));
  }
  return {};
}

Result<void> read_secrets(const CommandLine& line, api::StartTask& task) {
  bool stdin_is_taken = line.text("--stdin") == "-";
  for (const std::string& pair : line.all("--secret-file")) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == pair.size())
      return fail(ErrorCode::invalid_argument, "--secret-file {}: <name>=<file> is expected", quote(pair));
    const std::string file = pair.substr(equals + 1);
    if (file == "-" && std::exchange(stdin_is_taken, true))
      return fail(ErrorCode::invalid_argument, "--secret-file {}: stdin is read for something else already",
                  quote(pair));
    task.secrets.push_back({pair.substr(0, equals), {}});
    task.secrets.back().value =
        Secret(OCTO_TRY(read_input(file, limits::secret_bytes_max)
                            .with(fmt::format("--secret-file {}", task.secrets.back().name))));
  }
  return check(task.secrets).with("--secret-file");
}

Result<void> read_surroundings(const CommandLine& line, api::StartTask& task) {
  for (const std::string_view flag : {"--user", "--cwd", "--stdin", "--outdir"}) {
    if (line.given(flag) && line.text(flag).empty())
      return fail(ErrorCode::invalid_argument, "{} is empty", flag);
  }
  task.user = line.text("--user");
  task.folder = line.text("--cwd");
  OCTO_TRY(read_environment(line, task));
  if (line.given("--memory")) {
    const auto bytes = parse_size(line.text("--memory"));
    if (!bytes || *bytes == 0)
      return fail(ErrorCode::invalid_argument, "--memory {}: a size like 512K, 64M or 2G is expected",
                  quote(line.text("--memory")));
    task.resources.memory_bytes = *bytes;
  }
  if (line.given("--pids")) task.resources.processes = OCTO_TRY(line.number("--pids", 0, 1));
  if (line.given("--cpu")) {
    std::string percent = line.text("--cpu");
    if (percent.ends_with('%')) percent.pop_back();
    const auto value = parse_number(percent);
    if (!value || *value < 1)
      return fail(ErrorCode::invalid_argument, "--cpu {}: percent of one core are expected, like 50 or 150%",
                  quote(line.text("--cpu")));
    task.resources.cpu_percent = static_cast<std::uint64_t>(*value);
  }
  // Last: what is read from a pipe is gone.
  OCTO_TRY(read_secrets(line, task));
  if (line.given("--stdin"))
    task.input = OCTO_TRY(read_input(line.text("--stdin"), limits::input_bytes_max).with("--stdin"));
  return {};
}

Result<void> read_times(const CommandLine& line, AskedTask& asked) {
  asked.task.limit = OCTO_TRY(line.span("--timeout"));
  asked.task.deadline = OCTO_TRY(line.span("--deadline"));
  asked.every = OCTO_TRY(line.span("--watch"));
  if (asked.every && *asked.every < kWatchShortest)
    return fail(ErrorCode::invalid_argument, "--watch {}: {} at least", line.text("--watch"),
                print_span(kWatchShortest));
  if (line.verb->word != "xrun") return {};
  const auto delay = line.given("-d") ? parse_delay(line.text("-d")) : Span::zero();
  if (!delay)
    return fail(ErrorCode::invalid_argument, "-d {}: seconds are expected, or a time like 500ms or 5m",
                quote(line.text("-d")));
  asked.task.delay = *delay;
  return {};
}

Result<void> read_together(const CommandLine& line, api::StartTask& task) {
  task.together = line.on("-ta");
  task.max_skew = OCTO_TRY(line.span("--max-skew"));
  if (task.max_skew && !task.together)
    return fail(ErrorCode::invalid_argument,
                "--max-skew is how far apart they may start with -ta, which is missing");
  if (task.max_skew && *task.max_skew <= Span::zero())
    return fail(ErrorCode::invalid_argument, "--max-skew {}: no two nodes start at the very same instant",
                line.text("--max-skew"));
  for (const std::string_view flag : {"--batch", "--max-fail", "--retries"}) {
    if (task.together && line.given(flag))
      return fail(ErrorCode::invalid_argument,
                  "{} does not go with -ta: all start at one instant, or none does", flag);
  }
  return {};
}

Result<void> read_following(const CommandLine& line, AskedTask& asked) {
  const api::StartTask& task = asked.task;
  Following& how = asked.how;
  how.show.kind = task.kind;
  how.show.one_target = task.nodes.size() == 1 && parse_node_name(task.nodes.front()).has_value();
  how.show.diff = line.on("--diff");
  how.show.folder = line.text("--outdir");
  how.show.retries = task.rollout.retries;
  how.tied = task.tie;
  if (task.background) how.until = Until::running;
  if (task.delay) how.until = Until::loaded;
  if (how.until != Until::ended) how.show.what = Show::What::answers;
  if (line.on("--detach")) how.until = Until::begun;
  const std::string_view why = line.on("--detach") ? "--detach" : task.background ? "-bg" : "xrun";
  if (how.until == Until::ended) return {};
  for (const std::string_view flag : {"--tie", "--watch", "--outdir", "--diff"}) {
    if (line.given(flag) && line.text(flag) != "false")
      return fail(ErrorCode::invalid_argument, "{} needs octl to stay until the end, and with {} it leaves",
                  flag, why);
  }
  return {};
}

// Of a file; 0 where that cannot be told before it is read.
off_t bytes_left(int fd) {
  const off_t here = ::lseek(fd, 0, SEEK_CUR);
  if (here < 0) return 0;
  const off_t end = ::lseek(fd, 0, SEEK_END);
  ::lseek(fd, here, SEEK_SET);
  return end - here;
}

Failure too_large(bool own, const std::string& file, std::size_t bytes_max) {
  return fail(ErrorCode::too_large, "{} has more than {} bytes", own ? "stdin" : quote(file), bytes_max);
}

}  // namespace

Result<Bytes> read_input(const std::string& file, std::size_t bytes_max) {
  const bool own = file == "-";
  const int fd = own ? STDIN_FILENO : ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  Bytes bytes;
  bytes.reserve(bytes_max + 1);  // one place: of a secret no copy stays where it grew
  ssize_t count = fd < 0 ? -1 : 1;
  if (fd >= 0 && bytes_left(fd) > static_cast<off_t>(bytes_max)) {
    if (!own) ::close(fd);
    return too_large(own, file, bytes_max);
  }
  while (count > 0 && bytes.size() <= bytes_max) {
    const std::size_t had = bytes.size();
    bytes.resize(std::min(had + kReadBytes, bytes_max + 1));
    do count = ::read(fd, bytes.data() + had, bytes.size() - had);
    while (count < 0 && errno == EINTR);
    bytes.resize(had + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  }
  const int why = errno;
  if (!own && fd >= 0) ::close(fd);
  if (count < 0)
    return fail(why == ENOENT ? ErrorCode::not_found : ErrorCode::unavailable, "read {}: {}",
                own ? "stdin" : quote(file), std::strerror(why));
  if (bytes.size() > bytes_max) return too_large(own, file, bytes_max);
  return bytes;
}

Result<AskedTask> read_task(const CommandLine& line) {
  AskedTask asked;
  OCTO_TRY(read_deed(line, asked.task));
  asked.task.tie = line.on("--tie");
  OCTO_TRY(read_times(line, asked));
  OCTO_TRY(read_rollout(line, asked.task.rollout));
  OCTO_TRY(read_together(line, asked.task));
  OCTO_TRY(read_following(line, asked));
  OCTO_TRY(read_surroundings(line, asked.task));
  return asked;
}

}  // namespace octo::octl
