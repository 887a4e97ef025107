// SPDX-License-Identifier: MIT
#include "octl/verbs/table.hpp"

#include <array>

#include "octl/verbs/verbs.hpp"

namespace octo::octl {

namespace {

constexpr Noun kNouns[] = {
    {"node", "Node Information"},
    {"cmd", "Command Execution"},
    {"task", "Tasks"},
    {"scen", "Scenario Deployment"},
    {"napp", "Node Applications"},
    {"wg", "Workgroup"},
    {"file", "File Distribution"},
    {"ssh", "Fast SSH"},
    {"log", "Log Management"},
    {"pakma", "Online Upgrade"},
    {"completion", "Shell Completion"},
};

constexpr Flag kCommonFlags[] = {
    {"--output", "", "<format>",
     "table, text, json, jsonl or yaml; else a table on a terminal and JSON elsewhere"},
    {"-h", "--help", "", "this text"},
};
constexpr Flag kRaw = {"--raw", "", "", "let the output through byte by byte, control characters too"};
constexpr Flag kOffset = {"-o", "--offset", "<offset>", "skip so many of the newest (default 0)"};
constexpr Flag kLimit = {"-l", "--limit", "<limit>", "show at most so many (default 5)"};
constexpr Flag kVersion = {"-v", "--version", "<version>",
                           "prefix of the version's id, 3 characters at least"};
constexpr Flag kMessage = {"-m", "--message", "<message>", "what the version is about"};

constexpr Flag kGetFlags[] = {
    {"-sf", "--state-filter", "<filter>", "only states that contain this: online, suspect, offline"}};
constexpr Flag kC = {"-c", "", "<cmd>", "the command, to run in the foreground"};
constexpr Flag kCc = {"-cc", "--common-command", "<cmd>", "the same as -c"};
constexpr Flag kBg = {"-bg", "--background", "<cmd>",
                      "the command, to run in the background; answers with the process id"};
constexpr Flag kSs = {"-ss", "--shellscript", "<file>", "a local script to run"};
constexpr Flag kTimeout = {"--timeout", "", "<time>",
                           "end it after this long: 500ms, 10s, 5m, 2h; 0 is never (default 1h)"};
constexpr Flag kDeadline = {"--deadline", "", "<time>",
                            "how long a node may be out of reach before it is given up (default 10m)"};
constexpr Flag kOnOffline = {"--on-offline", "", "<rule>",
                             "nodes that are offline: queue until the deadline (default), skip, or fail"};
constexpr Flag kBatch = {"--batch", "", "<n|p%>", "so many nodes at a time: 5, or 20% of them"};
constexpr Flag kMaxFail = {"--max-fail", "", "<n|p%>", "begin no further node once more than so many failed"};
constexpr Flag kRetries = {"--retries", "", "<n>", "try again where it failed or timed out (default 0)"};
constexpr Flag kTie = {"--tie", "", "", "end it when octl goes away, whatever the reason"};
constexpr Flag kDetach = {"--detach", "", "", "print the task's id and leave"};
constexpr Flag kUser = {"--user", "", "<user>",
                        "of the node, whom it runs as (default the tentacle's, root)"};
constexpr Flag kCwd = {"--cwd", "", "<dir>", "of the node, where it runs (default the workspace)"};
constexpr Flag kEnv = {"--env", "", "<name>=<value>", "a variable of its environment; may be given often",
                       Use::often};
constexpr Flag kStdin = {"--stdin", "", "<file>",
                         "what it reads as its stdin, 512 KiB at most; - is octl's own"};
constexpr Flag kSecretFile = {
    "--secret-file", "", "<name>=<file>",
    "a secret, in the file that $OCTOPODA_SECRET_<name> names; - is octl's stdin; often", Use::often};
constexpr Flag kMemory = {"--memory", "", "<size>", "what it may use on each node: 64M, 2G"};
constexpr Flag kPids = {"--pids", "", "<n>", "how many processes it may be on each node"};
constexpr Flag kCpu = {"--cpu", "", "<percent>", "of one core, what it may use on each node: 50, 150"};
constexpr Flag kAlign = {"-ta", "--time-align", "", "start at the same moment on all nodes, or on none"};
constexpr Flag kMaxSkew = {"--max-skew", "", "<time>",
                           "with -ta: how far apart they may start, like 200us (default 10ms)"};
constexpr Flag kOutdir = {"--outdir", "", "<dir>",
                          "write each node's output to <dir>/<node>.stdout, .stderr, .note"};

constexpr Flag kRunFlags[] = {
    kC,
    kCc,
    kBg,
    kSs,
    kTimeout,
    kDeadline,
    kOnOffline,
    kBatch,
    kMaxFail,
    kRetries,
    kTie,
    kDetach,
    kUser,
    kCwd,
    kEnv,
    kStdin,
    kSecretFile,
    kMemory,
    kPids,
    kCpu,
    {"--watch", "", "<time>",
     "again and again, so long after each end, until Ctrl-C; each a task of its own"},
    kOutdir,
    {"--diff", "", "", "show how the output of rare groups differs from the largest group's"},
    kRaw,
    kAlign,
    kMaxSkew,
};
constexpr Flag kXrunFlags[] = {
    kC,
    kCc,
    kBg,
    kSs,
    {"-d", "--delay-execute", "<delay>",
     "start it so many seconds after it was accepted; or 500ms, 5m (default 0)"},
    kTimeout,
    kDeadline,
    kOnOffline,
    kBatch,
    kMaxFail,
    kRetries,
    kDetach,
    kUser,
    kCwd,
    kEnv,
    kStdin,
    kSecretFile,
    kMemory,
    kPids,
    kCpu,
    kAlign,
    kMaxSkew,
};
constexpr Flag kTaskListFlags[] = {{"--state", "", "<state>", "only tasks in this state"},
                                   {"--caller", "", "<name>", "only tasks of this operator"},
                                   {"--node", "", "<node>", "only tasks with a run on this node"},
                                   {"-l", "--limit", "<limit>", "show at most so many (default 20)"},
                                   {"--page", "", "<token>", "go on where the last list ended"}};
constexpr Flag kRawFlags[] = {kRaw};
constexpr Flag kWaitFlags[] = {{"--timeout", "", "<time>", "wait no longer than this, then exit with 124"}};
constexpr Flag kLogFlags[] = {
    {"-l", "--lines", "<lines>", "so many before the end (default 30)"},
    {"-d", "--days", "<days>", "none older than so many days before today (default all that are kept)"},
    {"-f", "--follow", "", "and what is written from then on, until Ctrl-C"}};
constexpr Flag kOutputFlags[] = {kRaw, kOutdir};
constexpr Flag kApplyFlags[] = {kMessage, kRaw};
constexpr Flag kVersionFlags[] = {kOffset, kLimit};
constexpr Flag kResetFlags[] = {kVersion, kMessage};

constexpr std::string_view kAboutRun =
    "Exactly one of 'cmd', -c, -cc, -bg and -ss says what to run. Quote a command of several words.\n"
    "With one node its output and exit code are passed through. With several, equal outputs are grouped:\n"
    "  pi[0-2]: Linux\n"
    "A line at the end counts the nodes by state. --output jsonl prints each node as it ends.\n"
    "With -ta every node first makes all ready and says how well it knows the time; then all start at one "
    "instant,\n"
    "or none does and the answer names who could not promise it. It tells when each did start, how far apart "
    "that\n"
    "was, and how sure that is. An offline node is one that cannot, unless --on-offline skip leaves it out.\n"
    "Ctrl-C on a terminal asks whether to cancel or to detach; a second one leaves at once, and so does a "
    "terminal\n"
    "that hangs up. Without a terminal, and on SIGTERM, the command is cancelled on every node.";
constexpr std::string_view kAboutXrun =
    "Every node loads it and answers; it starts when the delay is over, whether or not anyone still "
    "listens.\n"
    "The answer has the task's id: octl task show, attach, wait, output and cancel work as with any other.";
constexpr std::string_view kAboutOutput =
    "Without nodes: of all. One node's is passed through, of several each line has its node before it. Of a "
    "task\n"
    "that still runs it comes as it is written; Ctrl-C leaves the task alone.";
constexpr std::string_view kAboutCompletion =
    "bash: source <(octl completion bash)       or save it below /etc/bash_completion.d\n"
    "zsh:  source <(octl completion zsh)        or save it as _octl in a folder of $fpath\n"
    "fish: octl completion fish | source        or save it as ~/.config/fish/completions/octl.fish\n"
    "Nodes, tasks and scenarios are asked of the Brain while you type, for a second at most.";
constexpr std::string_view kAboutApply =
    "<scenario> is the folder with deployment.yaml. Targets: prepare, start, stop, purge, commit, and those "
    "the\n"
    "scenario defines; none is default: prepare, then start. commit needs a message.";
constexpr std::string_view kNodes = "[[ALL] | <node1> ...]";

constexpr Verb kVerbs[] = {
    {"node", "get", "[-sf <filter>] [[ALL] | <node1> ...]", "basic information of nodes", 0, kManyWords,
     kGetFlags, node_get,
     "Without names: every node of the workgroup. A suspect node (silent for 15 s) counts as active."},
    {"node",
     "status",
     kNodes,
     "running status of nodes: CPU, memory, disk, clock",
     0,
     kManyWords,
     {},
     node_status,
     "`brain` is the host of the Brain."},
    {"node",
     "prune",
     "ALL | <node1> ...",
     "forget nodes that are offline",
     1,
     kManyWords,
     {},
     node_prune,
     "Only offline nodes are pruned; the others are listed with the reason."},
    {"node", "expand", "<set> ...", "show the names that a node set means", 1, kManyWords, {}, node_expand},

    {"cmd", "run", "[[-c] 'cmd' | -bg 'cmd' | -ss <script>] <node1> ...",
     "run a command or a script on nodes", 1, kManyWords, kRunFlags, cmd_run, kAboutRun},
    {"cmd", "xrun", "[[-c] 'cmd' | -bg 'cmd' | -ss <script>] [-d <delay>] <node1> ...",
     "load a command or a script on nodes, to run after a delay", 1, kManyWords, kXrunFlags, cmd_run,
     kAboutXrun},

    {"task", "list", "[--state <state>] [--caller <name>] [--node <node>] [-l <limit>] [--page <token>]",
     "tasks, the newest first", 0, 0, kTaskListFlags, task_list},
    {"task", "show", "<task>", "a task and its runs", 1, 1, {}, task_show},
    {"task", "attach", "<task>", "listen to a task from its first event", 1, 1, kRawFlags, task_attach,
     "Whatever ends the listening, the task goes on; Ctrl-C on a terminal offers to cancel it."},
    {"task", "wait", "<task> [--timeout <time>]", "wait until a task is over, print nothing", 1, 1,
     kWaitFlags, task_wait, "The exit code is that of `cmd run`: see octl help exit."},
    {"task", "output", "<task> [<node1> ...] [--raw | --outdir <dir>]", "what a task's runs have written", 1,
     kManyWords, kOutputFlags, task_output, kAboutOutput},
    {"task", "cancel", "<task>", "end a task's processes on every node", 1, 1, {}, task_cancel},

    {"scen",
     "create",
     "<scenario> [with <app1> <app2> ...]",
     "make a template folder",
     1,
     258,
     {},
     scen_create,
     "Edit the folder, then: octl scen apply <scenario>. An existing folder is never touched.",
     true},
    {"scen", "apply", "<scenario> [<target>] [-m <message>]", "bring a scenario to a target", 1, 2,
     kApplyFlags, scen_apply, kAboutApply},
    {"scen", "get", "[[ALL] | <scenario>]", "scenarios, or one in detail", 0, 2, {}, scen_get},
    {"scen", "version", "<scenario> [-o <offset>] [-l <limit>]", "versions of a scenario, the newest first",
     1, 2, kVersionFlags, scen_version},
    {"scen", "reset", "<scenario> -v <version> -m <message>", "bring a scenario back to a version", 1, 2,
     kResetFlags, scen_reset,
     "The old state becomes a new version: A, B, C reset to A is A, B, C, A. Stop the scenario before, start "
     "it after."},
    {"scen", "repo", "[clone|push] <scenario> [-u <username>]", "fetch or publish a scenario's folder"},

    {"napp", "get", "<node> [[ALL] | <app>@<scenario>]", "apps on a node", 1, 2, {}, napp_get},
    {"napp", "version", "<node> <app>@<scenario> [-o <offset>] [-l <limit>]", "versions of an app on a node",
     2, 2, kVersionFlags, napp_version},
    {"napp", "reset", "<node> <app>@<scenario> -v <version> -m <message>",
     "bring an app on a node back to a version", 2, 2, kResetFlags, napp_reset,
     "The scenario it belongs to gets a new version too."},

    {"wg", "pwd", "", "the current workgroup"},
    {"wg", "ls", "[<grouppath>]", "workgroups below"},
    {"wg", "cd", "[<grouppath>]", "change the current workgroup"},
    {"wg", "grant", "<grouppath> <password>", "set a workgroup's password"},
    {"wg", "get", "[<grouppath>]", "members of a workgroup"},
    {"wg", "add", "<grouppath> [<node1>] ...", "add members"},
    {"wg", "rm", "<grouppath> [<node1>] ...", "remove members or a workgroup"},
    {"file", "upload", "[-f] <localFileOrDir> <targetDir> <node1> ...", "spread files over nodes"},
    {"file", "download", "<fileOrDir> [<localDir>] <node1>", "fetch files from a node"},
    {"file", "ls", "<dir> <node1>", "files on a node"},
    {"ssh", "set", "<node1>", "set log-in information of a node"},
    {"ssh", "ls", "", "SSH services"},
    {"ssh", "del", "<name>", "delete log-in information"},
    {"ssh", "login", "<name>", "log in by SSH"},
    {"log", "get", "<node1> [-l <lines>] [-d <days>] [-f]", "log of a node or of the Brain", 1, 1, kLogFlags,
     log_get,
     "`brain` is the Brain itself. The log is the program's own, not that of commands: see task output."},
    {"pakma", "state", "<node1> ...", "state of the upgrade"},
    {"pakma", "install", "<version> <node1> ...", "install a first version"},
    {"pakma", "upgrade", "<version> <node1> ...", "upgrade, on trial"},
    {"pakma", "confirm", "<node1> ...", "keep the version on trial"},
    {"pakma", "cancel", "<node1> ...", "end the trial"},
    {"pakma", "downgrade", "<node1> ...", "back to the version before"},
    {"pakma", "history", "<node1> ... [-t<time>] [-l<limit>]", "what was installed when"},
    {"pakma", "clean", "<node1> ...", "remove packages"},

    {"completion",
     "bash",
     "",
     "print the completion of words for bash",
     0,
     0,
     {},
     completion_bash,
     kAboutCompletion,
     true},
    {"completion",
     "zsh",
     "",
     "print the completion of words for zsh",
     0,
     0,
     {},
     completion_zsh,
     kAboutCompletion,
     true},
    {"completion",
     "fish",
     "",
     "print the completion of words for fish",
     0,
     0,
     {},
     completion_fish,
     kAboutCompletion,
     true},
};

}  // namespace

std::string name_of(const Verb& verb) { return fmt::format("{} {}", verb.noun, verb.word); }
std::span<const Noun> nouns() { return kNouns; }
std::span<const Verb> verbs() { return kVerbs; }
std::span<const Flag> common_flags() { return kCommonFlags; }

const Verb* find_verb(std::string_view noun, std::string_view word) {
  for (const Verb& verb : kVerbs) {
    if (verb.noun == noun && verb.word == word) return &verb;
  }
  return nullptr;
}

const Flag* find_flag(const Verb& verb, std::string_view word) {
  for (const std::span<const Flag> flags : {verb.flags, common_flags()}) {
    for (const Flag& flag : flags) {
      if (word == flag.word || (!flag.longer.empty() && word == flag.longer)) return &flag;
    }
  }
  return nullptr;
}

}  // namespace octo::octl
