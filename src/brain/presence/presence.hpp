// SPDX-License-Identifier: MIT
// Tells the nameserver where this Brain is, again before the names run out, and at once when an address has changed.
#pragma once
#include "client/nameserver.hpp"

namespace octo::brain {

struct Announcement {
  std::string brain;
  struct Face {
    std::string net_device;  // its address is read anew each time; empty: `ip`
    std::string ip;
    std::uint16_t port = 0;
  };
  Face tentacle_face;        // <brain>.tentacleFace.link, and .message as the original calls it
  Face octl_face;            // <brain>.octlFace.request
  Span ttl = 60s;
  Span renew = 20s;          // two may fail before a name runs out
  Span look = 5s;            // for a changed address, and again after a failure
};
// invalid_argument names the setting without which nobody could be told an address.
Result<std::vector<api::NameEntry>> make_entries(const Announcement& announcement);

class Presence {
 public:
  Presence(net::Dialer& dialer, net::Endpoint nameserver, Announcement announcement, Clock& clock);
  // Until cancelled. The nameserver may be away as long as it likes; only changes are logged.
  Async<void> run();

 private:
  void note(const Result<void>& done, const std::string& told);

  client::NameServer names_;
  std::string where_;
  Announcement announcement_;
  Clock& clock_;
  std::optional<bool> going_well_;  // as logged
  std::string logged_;              // addresses, as logged
};

}  // namespace octo::brain
