// SPDX-License-Identifier: MIT
#include "setup/addresses.hpp"

#include <gtest/gtest.h>

#include "setup/shell_word.hpp"

namespace octo::setup {
namespace {

TEST(Addresses, AMachinesIpIsOneThatOthersCanDial) {
  for (const char* good : {"127.0.0.1", "192.168.1.2", "10.0.0.255", "223.255.255.254"})
    EXPECT_TRUE(check_machine_ip(good)) << good;
  for (const char* bad :
       {"", "bogus", "300.1.1.1", "1.2.3", "1.2.3.4.5", "0.0.0.0", "0.1.2.3", "::1", "fe80::1", "224.0.0.1",
        "255.255.255.255", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4/24", "1.2.3.4:80", "localhost", "0x7f.0.0.1"}) {
    const auto refused = check_machine_ip(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code(), ErrorCode::invalid_argument) << bad;
  }
}

TEST(Addresses, AServersAddressIsAnIpOrADnsName) {
  for (const char* good : {"192.0.2.1", "::1", "2001:db8::1", "localhost", "ns.example", "a-b.example",
                           "1.example", "*.example.org", "xn--bcher-kva.example", "4ever"})
    EXPECT_TRUE(check_server_address(good)) << good;
  for (const char* bad :
       {"", "999.1.1.1", "1.2.3", "42", "host.1", "0.0.0.0", "::", "not an address!", "a..b", ".example",
        "example.", "-a.example", "a-.example", "*", "a.*.b", "host:80", "a_b"})
    EXPECT_FALSE(check_server_address(bad)) << bad;
  EXPECT_FALSE(check_server_address(std::string(64, 'x') + ".example"));
}

TEST(ShellWord, WhatIsPrintedCanBeTyped) {
  EXPECT_EQ(shell_word("/var/octopoda-fleet/octl.yaml"), "/var/octopoda-fleet/octl.yaml");
  EXPECT_EQ(shell_word("/my fleet/$HOME"), "'/my fleet/$HOME'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("~/fleet"), "'~/fleet'");
}

}  // namespace
}  // namespace octo::setup
