// SPDX-License-Identifier: MIT
#include "brain/presence/presence.hpp"

#include "io/log/log.hpp"
#include "io/net/tls.hpp"

namespace octo::brain {

namespace {

Result<std::string> address_of(const Announcement::Face& face, std::string_view name) {
  std::string host = face.ip;
  if (!face.net_device.empty()) host = OCTO_TRY(net::address_of_interface(face.net_device).with(fmt::format("{}.netDevice", name)));
  if (host.empty() || host == "0.0.0.0") {
    return fail(ErrorCode::invalid_argument, "no address to tell others: set {0}.netDevice or {0}.ip", name);
  }
  return net::print({host, face.port});
}

std::string print_values(const std::vector<api::NameEntry>& entries) {
  std::string text;
  for (const api::NameEntry& entry : entries) text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", entry.key, entry.value);
  return text;
}

}  // namespace

Result<std::vector<api::NameEntry>> make_entries(const Announcement& announcement) {
  const std::string nodes = OCTO_TRY(address_of(announcement.tentacle_face, "tentacleFace"));
  const std::string operators = OCTO_TRY(address_of(announcement.octl_face, "octlFace"));
  const auto ttl = std::chrono::duration_cast<std::chrono::milliseconds>(announcement.ttl).count();
  const std::string& brain = announcement.brain;
  return std::vector<api::NameEntry>{
      {brain + ".tentacleFace.link", "addr", nodes, "where nodes dial", ttl},
      {brain + ".tentacleFace.message", "addr", nodes, "the same, by the original's name", ttl},
      {brain + ".octlFace.request", "addr", operators, "where octl calls", ttl},
  };
}

Presence::Presence(net::Dialer& dialer, net::Endpoint nameserver, Announcement announcement, Clock& clock)
    : names_(dialer, nameserver, clock), where_(net::print(nameserver)), announcement_(std::move(announcement)), clock_(clock) {}

Async<void> Presence::run() {
  std::string told;  // what the nameserver holds of us
  Instant renewal;
  while (true) {
    auto made = make_entries(announcement_);
    Result<void> done;
    if (!made) {
      done = Failure(made.error());
    } else if (const std::string values = print_values(*made); values != told || clock_.now() >= renewal) {
      done = co_await names_.put(*made);
      renewal = clock_.now() + announcement_.renew;
      told = done ? values : "";
    }
    note(done, told);
    co_await clock_.sleep(announcement_.look);
  }
}

void Presence::note(const Result<void>& done, const std::string& told) {
  if (done && (going_well_ != true || told != logged_)) {
    log::info("registered at nameserver {}: {}", where_, told);
    logged_ = told;
  }
  if (!done && going_well_ != false) log::warning("cannot register at nameserver {}, tried again and again: {}", where_, done.error().message());
  going_well_ = done.has_value();
}

}  // namespace octo::brain
