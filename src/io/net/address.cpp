// SPDX-License-Identifier: MIT
#include "io/net/address.hpp"

#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <memory>

#include "async/async.hpp"
#include "base/text.hpp"

namespace octo::net {

std::string print(const Endpoint& endpoint) {
  return endpoint.host.find(':') == std::string::npos ? fmt::format("{}:{}", endpoint.host, endpoint.port)
                                                      : fmt::format("[{}]:{}", endpoint.host, endpoint.port);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const auto bad = [&] {
    return fail(ErrorCode::invalid_argument, "{} is no address: write host:port", quote(text));
  };
  if (colon == std::string_view::npos || colon == 0) return bad();
  const auto port = parse_number(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (!port || *port < 1 || *port > 65535 || host.empty()) return bad();
  return Endpoint{std::string(host), static_cast<std::uint16_t>(*port)};
}

Result<std::string> address_of_interface(std::string_view interface) {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return fail(ErrorCode::unavailable, "the network interfaces cannot be listed");
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> free(all, &::freeifaddrs);
  std::string known;
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
    if (interface == one->ifa_name) return asio::ip::address_v4(ntohl(address->sin_addr.s_addr)).to_string();
    known += fmt::format("{}{}", known.empty() ? "" : ", ", one->ifa_name);
  }
  return fail(ErrorCode::unavailable, "network interface {} has no IPv4 address (there are: {})",
              quote(interface), known);
}

Result<std::string> address_towards(const Endpoint& peer) {
  addrinfo wanted{};
  wanted.ai_family = AF_INET;
  wanted.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(peer.port);
  if (const int error = ::getaddrinfo(peer.host.c_str(), port.c_str(), &wanted, &found); error != 0) {
    return fail(ErrorCode::unavailable, "{} has no IPv4 address: {}", quote(peer.host),
                ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> free(found, &::freeaddrinfo);
  // Connecting a datagram socket only asks the routing table.
  asio::io_context nowhere;
  asio::ip::udp::socket socket(nowhere, asio::ip::udp::v4());
  boost::system::error_code error;
  const auto* address = reinterpret_cast<const sockaddr_in*>(found->ai_addr);
  socket.connect({asio::ip::address_v4(ntohl(address->sin_addr.s_addr)), peer.port}, error);
  if (error) return fail(ErrorCode::unavailable, "there is no route to {}: {}", print(peer), error.message());
  return socket.local_endpoint().address().to_string();
}

}  // namespace octo::net
