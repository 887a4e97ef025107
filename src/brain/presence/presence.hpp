// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

#include "client/nameserver.hpp"

namespace octo::brain {

class Presence {
 public:
  struct Face {
    std::vector<std::string> names;  // "brain.octlFace.request"
    std::string net_device;  // its IPv4 address counts, unless `ip` is set; both empty: the route to the
                             // nameserver decides
    std::string ip;
    std::uint16_t port = 0;
  };
  static constexpr Span name_life = 60s;    // how long an entry is believed without us
  static constexpr Span renew_every = 20s;  // at least; sooner when an address has changed

  // `at`: where the nameserver is, for faces that listen on every address.
  Presence(std::vector<Face> faces, client::NameServer& nameserver, net::Endpoint at, Clock& clock,
           Span look_every);

  // For ever: ends only by being cancelled. Logs what changes, not every round.
  Async<void> run();

 private:
  Result<std::vector<api::NameEntry>> entries() const;

  std::vector<Face> faces_;
  client::NameServer& nameserver_;
  net::Endpoint at_;
  Clock& clock_;
  Span look_every_;
};

}  // namespace octo::brain
