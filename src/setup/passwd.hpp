// SPDX-License-Identifier: MIT
// The password of the root workgroup: <data folder of the Brain>/root.passwd, an argon2id text, 0600.
#pragma once
#include <string>

#include "base/result.hpp"
#include "base/text.hpp"

namespace octo::setup {

std::string root_password_file(const std::string& data_folder);

// Replaces the one there was. Takes a tenth of a second and 64 MiB. The folder is made.
Result<void> set_root_password(const std::string& data_folder, const Secret& password);
// not_found says with which command to set it; corrupt when the file has something else in it.
Result<std::string> load_root_password_hash(const std::string& data_folder);

enum class WhenEmpty { refuse, answer };
// On a terminal: asks twice, without echo, Ctrl-C is `cancelled`. Otherwise the first line of stdin.
Result<Secret> ask_password(std::string_view prompt, WhenEmpty when_empty = WhenEmpty::refuse);

}  // namespace octo::setup
