// SPDX-License-Identifier: MIT
#include "octl/verbs/table.hpp"

#include <array>

#include "octl/verbs/verbs.hpp"

namespace octo::octl {

namespace {

constexpr Noun kNouns[] = {
    {"node", "Node Information"},    {"cmd", "Command Execution"},  {"task", "Tasks"},
    {"scen", "Scenario Deployment"}, {"napp", "Node Applications"}, {"wg", "Workgroup"},
    {"file", "File Distribution"},   {"ssh", "Fast SSH"},           {"log", "Log Management"},
    {"pakma", "Online Upgrade"},
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
constexpr Flag kRunFlags[] = {
    {"-c", "", "<cmd>", "the command, to run in the foreground"},
    {"-cc", "--common-command", "<cmd>", "the same as -c"},
    {"-bg", "--background", "<cmd>", "the command, to run in the background; answers with the process id"},
    {"-ss", "--shellscript", "<file>", "a local script to run"},
    {"--timeout", "", "<time>", "end it after this long: 500ms, 10s, 5m, 2h; 0 is never (default 1h)"},
    {"--deadline", "", "<time>", "how long a node may be out of reach before it is given up (default 10m)"},
    kRaw,
    {"-ta", "--time-align", "", "start at the same moment on all nodes", false},
};
constexpr Flag kTaskListFlags[] = {{"--state", "", "<state>", "only tasks in this state"},
                                   {"-l", "--limit", "<limit>", "show at most so many (default 20)"},
                                   {"--page", "", "<token>", "go on where the last list ended"}};
constexpr Flag kRawFlags[] = {kRaw};
constexpr Flag kApplyFlags[] = {kMessage, kRaw};
constexpr Flag kVersionFlags[] = {kOffset, kLimit};
constexpr Flag kResetFlags[] = {kVersion, kMessage};

constexpr std::string_view kAboutRun =
    "Exactly one of 'cmd', -c, -cc, -bg and -ss says what to run. Quote a command of several words.\n"
    "With one node its output and exit code are passed through. With several, equal outputs are grouped:\n"
    "  pi[0-2]: Linux\n"
    "Ctrl-C on a terminal asks whether to cancel or to detach; a second one leaves at once. Without a "
    "terminal, and\n"
    "on SIGTERM, the command is cancelled on every node.";
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

    {"cmd", "run", "[[-c] 'cmd' | -bg 'cmd' | -ss <script>] <node1> ...",
     "run a command or a script on nodes", 1, kManyWords, kRunFlags, cmd_run, kAboutRun},
    {"cmd", "xrun", "[[-c] 'cmd' | -bg 'cmd' | -ss <script>] [-d <delay>] <node1> ...",
     "run it after a delay"},

    {"task", "list", "[--state <state>] [-l <limit>] [--page <token>]", "tasks, the newest first", 0, 0,
     kTaskListFlags, task_list},
    {"task", "show", "<task>", "a task and its runs", 1, 1, {}, task_show},
    {"task", "attach", "<task>", "listen to a task from its first event", 1, 1, kRawFlags, task_attach},
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
    {"log", "get", "<node1> [-l <lines>] [-d <days>]", "logs of a node or the Brain"},
    {"pakma", "state", "<node1> ...", "state of the upgrade"},
    {"pakma", "install", "<version> <node1> ...", "install a first version"},
    {"pakma", "upgrade", "<version> <node1> ...", "upgrade, on trial"},
    {"pakma", "confirm", "<node1> ...", "keep the version on trial"},
    {"pakma", "cancel", "<node1> ...", "end the trial"},
    {"pakma", "downgrade", "<node1> ...", "back to the version before"},
    {"pakma", "history", "<node1> ... [-t<time>] [-l<limit>]", "what was installed when"},
    {"pakma", "clean", "<node1> ...", "remove packages"},
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

}  // namespace octo::octl
