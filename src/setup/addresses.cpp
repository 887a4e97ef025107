// SPDX-License-Identifier: MIT
#include "setup/addresses.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <string>

#include "async/async.hpp"
#include "base/text.hpp"

namespace octo::setup {

namespace {

constexpr std::size_t kDnsNameBytesMax = 253, kDnsLabelBytesMax = 63;  // RFC 1035

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_label(std::string_view label) {
  const auto plain = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  };
  return !label.empty() && label.size() <= kDnsLabelBytesMax && std::ranges::all_of(label, plain) &&
         label.front() != '-' && label.back() != '-';
}

bool is_dns_name(std::string_view text) {
  if (text.empty() || text.size() > kDnsNameBytesMax) return false;
  const std::vector<std::string> labels = split(text, '.');
  if (std::ranges::all_of(labels.back(), is_digit)) return false;
  const bool wild = labels.size() > 1 && labels[0] == "*";
  return std::all_of(labels.begin() + (wild ? 1 : 0), labels.end(), is_label);
}

}  // namespace

Result<void> check_machine_ip(std::string_view text) {
  boost::system::error_code error;
  const auto ip = asio::ip::make_address_v4(std::string(text), error);
  if (error)
    return fail(ErrorCode::invalid_argument,
                "{} is no IPv4 address: four numbers from 0 to 255, as in 192.168.1.2", quote(text));
  const unsigned first = ip.to_bytes()[0];
  constexpr unsigned kThisNetwork = 0, kMulticast = 224;  // RFC 6890; from 224 on nothing is one machine's
  if (first == kThisNetwork || first >= kMulticast)
    return fail(ErrorCode::invalid_argument,
                "{} is the address of no machine; say the one that the others dial", quote(text));
  return {};
}

Result<void> check_server_address(std::string_view text) {
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(std::string(text), error);
  if (!error && ip.is_unspecified())
    return fail(ErrorCode::invalid_argument, "{} is nobody's address; say the one that the others dial",
                quote(text));
  if (!error || is_dns_name(text)) return {};
  return fail(ErrorCode::invalid_argument, "{} is neither an IP address nor a DNS name", quote(text));
}

}  // namespace octo::setup
