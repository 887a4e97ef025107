// SPDX-License-Identifier: MIT
#include "addresses.hpp"

#include "io/files/files.hpp"
#include "io/log/log.hpp"

namespace octo {

namespace {
constexpr std::size_t kEndpointBytesMax = 300;
}  // namespace

FoundAddresses::FoundAddresses(const settings::TentacleSettings& settings, std::string memory,
                               net::Dialer& dialer, Clock& clock)
    : settings_(settings),
      memory_(std::move(memory)),
      nameserver_(dialer, {settings.name_server.host, settings.name_server.port}, clock) {}

Async<Result<net::Endpoint>> FoundAddresses::find_brain() {
  if (!settings_.name_server.enable) co_return net::Endpoint{settings_.brain_ip, settings_.brain_port};
  auto found = co_await nameserver_.find_endpoint(settings_.brain_name + ".tentacleFace.link");
  if (!found) co_return recall(found.error());
  if (*found != last_) {
    last_ = *found;
    if (auto kept = files::save(memory_, net::print(last_)); !kept)
      log::warning("{}", kept.error().message());
  }
  co_return found;
}

Result<net::Endpoint> FoundAddresses::recall(const Error& why) const {
  if (const auto text = files::load(memory_, kEndpointBytesMax)) {
    if (auto endpoint = net::parse_endpoint(trim(*text))) return endpoint;
  }
  if (!settings_.brain_ip.empty() && settings_.brain_port != 0)
    return net::Endpoint{settings_.brain_ip, settings_.brain_port};
  return fail(why.with(fmt::format("where is Brain {}", quote(settings_.brain_name))));
}

}  // namespace octo
