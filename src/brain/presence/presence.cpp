// SPDX-License-Identifier: MIT
#include "brain/presence/presence.hpp"

#include <algorithm>

#include "io/log/log.hpp"
#include "io/net/tls.hpp"

namespace octo::brain {

Presence::Presence(std::vector<Face> faces, client::NameServer& nameserver, net::Endpoint at, Clock& clock,
                   Span look_every)
    : faces_(std::move(faces)),
      nameserver_(nameserver),
      at_(std::move(at)),
      clock_(clock),
      look_every_(std::clamp<Span>(look_every, 1s, renew_every)) {}

Result<std::vector<api::NameEntry>> Presence::entries() const {
  std::vector<api::NameEntry> entries;
  for (const Face& face : faces_) {
    std::string ip = face.ip;
    if (ip.empty())
      ip = OCTO_TRY(face.net_device.empty() ? net::address_towards(at_)
                                            : net::address_of_interface(face.net_device));
    for (const std::string& name : face.names) {
      entries.push_back({name, "addr", net::print(net::Endpoint{ip, face.port}), "",
                         std::chrono::duration_cast<std::chrono::milliseconds>(name_life).count()});
    }
  }
  return entries;
}

Async<void> Presence::run() {
  std::string told;              // what the nameserver has
  std::optional<Error> trouble;  // said once
  Instant renewed{};
  while (true) {
    Result<void> done;
    if (const auto now = entries(); !now) {
      done = fail(now.error());
    } else {
      std::string text;
      for (const auto& entry : *now) text += fmt::format("{} {} ", entry.key, entry.value);
      if (text != told || clock_.now() - renewed >= renew_every) {
        done = co_await nameserver_.put(*now);
        if (done && (text != told || trouble)) log::info("registered: {}", text);
        if (done) {
          told = text;
          renewed = clock_.now();
        }
      }
    }
    if (!done && (!trouble || *trouble != done.error()))
      log::warning("not registered, nodes and operators may not find us: {}", done.error().message());
    trouble = done ? std::nullopt : std::optional(done.error());
    if (!done) told.clear();
    co_await clock_.sleep(look_every_);
  }
}

}  // namespace octo::brain
