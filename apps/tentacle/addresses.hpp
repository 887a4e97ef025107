// SPDX-License-Identifier: MIT
// Where the Brain is: as the nameserver says, else where it was last, else as the settings say.
#pragma once
#include "client/nameserver.hpp"
#include "io/settings/settings.hpp"
#include "tentacle/link/link.hpp"

namespace octo {

class FoundAddresses final : public tentacle::Addresses {
 public:
  // `memory`: a file that keeps the last good answer, for a node that starts while the nameserver is down.
  FoundAddresses(const settings::TentacleSettings& settings, std::string memory, net::Dialer& dialer,
                 Clock& clock);
  Async<Result<net::Endpoint>> find_brain() override;

 private:
  Result<net::Endpoint> recall(const Error& why) const;

  const settings::TentacleSettings& settings_;
  std::string memory_;
  client::NameServer nameserver_;
  net::Endpoint last_;
};

}  // namespace octo
