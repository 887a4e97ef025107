// SPDX-License-Identifier: MIT
#include "setup/certgen.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "setup/test_folder.hpp"

namespace octo::setup {
namespace {

using crypto::Role;
using testing::ElementsAre;
using testing::HasSubstr;

class Certgen : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(make_ca(folder_.path(), "testnet", Existing::refuse, wall_now())); }

  Result<void> make(Role role, const std::string& name, Existing existing = Existing::refuse,
                    std::vector<std::string> addresses = {}) {
    return make_holder({{role, name, std::move(addresses)}, folder_.path(), folder_ / name}, existing,
                       wall_now());
  }

  TemporaryFolder folder_;
};

TEST_F(Certgen, EveryRoleGetsTheFilesOfTheOriginal) {
  ASSERT_TRUE(make(Role::nameserver, "helloNs", Existing::refuse, {"1.1.1.1", "ns.example"}));
  ASSERT_TRUE(make(Role::brain, "brain", Existing::refuse, {"10.0.0.1"}));
  ASSERT_TRUE(make(Role::node, "pi0"));
  ASSERT_TRUE(make(Role::client, "An Operator"));
  const std::tuple<std::string, std::string, crypto::Identity> expected[] = {
      {"helloNs", "server", {"testnet", Role::nameserver, "helloNs"}},
      {"brain", "server", {"testnet", Role::brain, "brain"}},
      {"pi0", "client", {"testnet", Role::node, "pi0"}},
      {"An Operator", "client", {"testnet", Role::client, "An Operator"}}};
  for (const auto& [name, stem, identity] : expected) {
    const auto facts = crypto::read_certificate(read_file(folder_ / (name + "/" + stem + ".pem")));
    ASSERT_TRUE(facts) << name;
    EXPECT_EQ(facts->identity, identity) << name;
    EXPECT_EQ(read_file(folder_ / (name + "/ca.pem")), read_file(folder_ / "ca.pem"));
  }
  EXPECT_THAT(crypto::read_certificate(read_file(folder_ / "helloNs/server.pem"))->addresses,
              ElementsAre("1.1.1.1", "ns.example"));
}

TEST_F(Certgen, KeysAreForTheirOwnerAlone) {
  ASSERT_TRUE(make(Role::node, "pi0"));
  EXPECT_EQ(mode_of(folder_ / "ca.key"), 0600U);
  EXPECT_EQ(mode_of(folder_ / "pi0/client.key"), 0600U);
  EXPECT_EQ(mode_of(folder_ / "pi0/client.pem"), 0644U);
}

TEST_F(Certgen, WhatIsThereIsReplacedOnlyByForce) {
  ASSERT_TRUE(make(Role::node, "pi0"));
  const std::string key = read_file(folder_ / "pi0/client.key"), ca = read_file(folder_ / "ca.key");
  const auto again = make(Role::node, "pi0");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::conflict);
  EXPECT_THAT(again.error().message(), HasSubstr("--force"));
  EXPECT_FALSE(make_ca(folder_.path(), "othernet", Existing::refuse, wall_now()));
  EXPECT_EQ(read_file(folder_ / "pi0/client.key"), key);
  EXPECT_EQ(read_file(folder_ / "ca.key"), ca);
  ASSERT_TRUE(make(Role::node, "pi0", Existing::replace));
  EXPECT_NE(read_file(folder_ / "pi0/client.key"), key);
}

TEST_F(Certgen, AKeyAloneIsNotOverwrittenEither) {
  std::filesystem::remove(folder_ / "ca.pem");
  EXPECT_FALSE(make_ca(folder_.path(), "testnet", Existing::refuse, wall_now()));
}

TEST_F(Certgen, WithoutCaTheCommandThatMakesOneIsNamed) {
  std::filesystem::remove(folder_ / "ca.key");
  const auto made = make(Role::node, "pi0");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message(), HasSubstr("octopoda certgen ca"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "pi0"));
}

TEST_F(Certgen, ANameCannotLeaveItsFolder) {
  for (const char* name : {"", ".", "..", "../pi0", "a/b", "a\nb", "brain", "-pi0"}) {
    EXPECT_FALSE(make(Role::node, name)) << name;
  }
  for (const char* name : {"", ".", "..", "../x", "a/b", "a\x7f"})
    EXPECT_FALSE(make(Role::client, name)) << name;
  EXPECT_FALSE(make(Role::client, std::string(65, 'x')));
  EXPECT_TRUE(make(Role::client, std::string(64, 'x')));
}

TEST_F(Certgen, AnAddressThatIsNoneIsRefused) {
  const auto made = make(Role::nameserver, "ns", Existing::refuse, {"not an address"});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message(), HasSubstr("neither an IP address nor a DNS name"));
}

TEST_F(Certgen, AListNamesNodesOneALine) {
  write_file(folder_ / "list", "# boards\npi0\n\n  pi1\r\npi2");
  EXPECT_THAT(read_name_list(folder_ / "list").value(), ElementsAre("pi0", "pi1", "pi2"));
}

TEST_F(Certgen, AFaultInAListIsNamedByLine) {
  write_file(folder_ / "list", "pi0\nno name\n");
  EXPECT_THAT(read_name_list(folder_ / "list").error().message(), HasSubstr("list:2"));
  write_file(folder_ / "list", "pi0\npi0\n");
  EXPECT_THAT(read_name_list(folder_ / "list").error().message(), HasSubstr("twice"));
  write_file(folder_ / "list", "# nobody\n");
  EXPECT_FALSE(read_name_list(folder_ / "list"));
}

}  // namespace
}  // namespace octo::setup
