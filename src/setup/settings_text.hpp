// SPDX-License-Identifier: MIT
// The settings files that octopoda writes, as text. Key names: io/settings/settings.hpp.
#pragma once
#include <cstdint>
#include <string>

#include "base/text.hpp"
#include "domain/names.hpp"

namespace octo::setup {

struct Ports {
  std::uint16_t nameserver = 0;
  std::uint16_t tentacles = 0;  // the Brain's, for tentacles
  std::uint16_t operators = 0;  // the Brain's, for octl
  friend bool operator==(const Ports&, const Ports&) = default;
};

// Where programs listen and are found.
struct Addresses {
  std::string ip = "127.0.0.1";
  Ports ports;
};

// `folder` is the program's own: with cert, data, log, … below.
std::string print_nameserver_settings(const std::string& folder, const Addresses& at);
std::string print_brain_settings(const std::string& folder, const Addresses& at);
std::string print_tentacle_settings(const std::string& folder, const Addresses& at, const NodeName& name);
std::string print_octl_settings(const std::string& folder, const Addresses& at, const Secret& password);

// A settings text with other ports, what people have changed in it left alone.
std::string replace_ports(const std::string& text, const Ports& before, const Ports& after);

}  // namespace octo::setup
