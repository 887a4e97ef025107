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

TEST_F(Certgen, ABrainsNameIsOneThatTheBrainTakes) {
  for (const char* bad : {"my.brain", "my brain", "a/b", ".brain", "br\xc3\xa4in", "a\tb", ""}) {
    EXPECT_EQ(check_holder(Role::brain, bad).error().code(), ErrorCode::invalid_argument) << bad;
    EXPECT_FALSE(make(Role::brain, bad, Existing::refuse, {"10.0.0.1"})) << bad;
  }
  for (const char* good : {"brain", "Brain-2", "b_1"}) EXPECT_TRUE(check_holder(Role::brain, good)) << good;
  EXPECT_TRUE(check_holder(Role::client, "An Operator"));
  EXPECT_TRUE(check_holder(Role::nameserver, "ns.example"));
}

TEST_F(Certgen, AnAddressThatIsNoneMakesNothing) {
  for (const char* bad : {"999.1.1.1", "1.2.3", "0.0.0.0", "not an address!"}) {
    const auto refused = make(Role::nameserver, "ns", Existing::refuse, {"192.0.2.1", bad});
    ASSERT_FALSE(refused) << bad;
    EXPECT_THAT(refused.error().message(), HasSubstr(bad));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "ns"));
  }
}

class CertgenOfMany : public Certgen {
 protected:
  Result<std::string> make_all(std::vector<std::string> names, Existing existing = Existing::refuse) {
    std::string told;
    const NodesOrder order{std::move(names), folder_.path(), folder_.path()};
    OCTO_TRY(make_nodes(order, existing, wall_now(), [&](const std::string& name, Outcome outcome) {
      told += (outcome == Outcome::kept ? " kept " : " made ") + name;
    }));
    return told;
  }
};

TEST_F(CertgenOfMany, ThoseThatHaveACertificateKeepItAndTheOthersAreMade) {
  EXPECT_EQ(make_all({"pi0", "pi1"}).value(), " made pi0 made pi1");
  const std::string key = read_file(folder_ / "pi1/client.key");
  EXPECT_EQ(make_all({"pi2", "pi1", "pi3"}).value(), " made pi2 kept pi1 made pi3");
  EXPECT_EQ(read_file(folder_ / "pi1/client.key"), key);
  EXPECT_EQ(make_all({"pi1"}, Existing::replace).value(), " made pi1");
  EXPECT_NE(read_file(folder_ / "pi1/client.key"), key);
}

TEST_F(CertgenOfMany, ABadNameAnywhereMakesNone) {
  EXPECT_FALSE(make_all({"pi0", "brain"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "pi0"));
}

TEST_F(CertgenOfMany, OneThatBrokeOffIsMadeAnew) {
  ASSERT_TRUE(make_all({"pi0"}));
  std::filesystem::remove(folder_ / "pi0/client.pem");
  EXPECT_EQ(make_all({"pi0"}).value(), " made pi0");
  EXPECT_TRUE(crypto::read_certificate(read_file(folder_ / "pi0/client.pem")));
}

}  // namespace
}  // namespace octo::setup
