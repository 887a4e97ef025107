// SPDX-License-Identifier: MIT
// What several verbs read alike from their words.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "domain/names.hpp"
#include "octl/command_line.hpp"

namespace octo::octl {

// ALL, @all, @ALL and @ mean the whole workgroup. Every other word about nodes is the Brain's to judge.
bool is_everything(const std::string& word);
// Where nothing but the whole workgroup is meant it is named by no word at all, which is no error while it is
// empty.
std::vector<std::string> read_nodes(std::span<const std::string> words);
// 26 characters of Crockford's base32.
Result<TaskId> read_task_id(std::string_view word);
// The README's examples write `scen get scenario helloWorld`: the word before the name is let pass.
Result<ScenarioName> read_scenario(std::span<const std::string> words);
// 3 characters at least.
Result<std::string> read_version(const CommandLine& line);
// -m; empty where it may be missing and is.
enum class Message { needed, welcome };
Result<std::string> read_message(const CommandLine& line, Message message);

}  // namespace octo::octl
