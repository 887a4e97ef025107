// SPDX-License-Identifier: MIT
#include "io/crypto/crypto.hpp"

#include <gtest/gtest.h>

#include "io/crypto/certificates.hpp"

namespace octo::crypto {
namespace {

const WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1);

TEST(Hashes, MatchTheirPublishedValues) {
  EXPECT_EQ(print_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256Stream stream;
  stream.add("a");
  stream.add("bc");
  EXPECT_EQ(stream.finish(), sha256("abc"));
  EXPECT_EQ(print_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),  // RFC 4231, test case 2
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Passwords, FitTheirOwnHashOnly) {
  const auto hash = hash_password(Secret("correct horse")).value();
  EXPECT_TRUE(hash.starts_with("$argon2id$"));
  EXPECT_TRUE(password_fits(Secret("correct horse"), hash));
  EXPECT_FALSE(password_fits(Secret("correct horsf"), hash));
  EXPECT_FALSE(password_fits(Secret("x"), "nonsense"));
}

TEST(Passwords, MadeOnesDiffer) {
  SystemRandom random;
  EXPECT_EQ(make_password(random).reveal().size(), 20U);
  EXPECT_NE(make_password(random).reveal(), make_password(random).reveal());
}

TEST(Identity, TheUriGoesThereAndBack) {
  const Identity identity{"my net/1", Role::node, "pi-24"};
  EXPECT_EQ(print_uri(identity), "octopoda://my%20net%2F1/node/pi-24");
  EXPECT_EQ(parse_uri(print_uri(identity)).value(), identity);
  for (const auto* bad : {"", "https://a/node/b", "octopoda://a/node", "octopoda://a/king/b",
                          "octopoda://a/node/", "octopoda://a/node/%zz"}) {
    EXPECT_FALSE(parse_uri(bad)) << bad;
  }
}

TEST(Identity, ACheckSaysWhatWasExpectedAndWhatCame) {
  EXPECT_TRUE(check({"n", Role::brain, "b"}, {Role::brain, ""}));
  EXPECT_TRUE(check({"n", Role::brain, "b"}, {Role::brain, "b"}));
  const auto wrong = check({"n", Role::node, "pi0"}, {Role::brain, "b"});
  EXPECT_EQ(wrong.error().code(), ErrorCode::forbidden);
  EXPECT_NE(wrong.error().message().find("node 'pi0'"), std::string::npos);
}

TEST(Certificates, NameRoleHolderAndAddresses) {
  const auto ca = make_ca("helloCa", kNow).value();
  EXPECT_EQ(read_ca_name(ca.certificate_pem).value(), "helloCa");
  const auto made =
      make_certificate(ca, {Role::brain, "brain", {"127.0.0.1", "brain.example"}}, kNow).value();
  const auto facts = read_certificate(made.certificate_pem).value();
  EXPECT_EQ(facts.identity, (Identity{"helloCa", Role::brain, "brain"}));
  EXPECT_EQ(facts.addresses, (std::vector<std::string>{"127.0.0.1", "brain.example"}));
  EXPECT_LT(facts.not_before, kNow);
  EXPECT_GT(facts.not_after, kNow + std::chrono::days(365 * 9));
  EXPECT_NE(made.key_pem.reveal().find("PRIVATE KEY"), std::string::npos);
}

TEST(Certificates, WhatIsNoneIsRefused) {
  const auto ca = make_ca("helloCa", kNow).value();
  const auto other = make_ca("other", kNow).value();
  EXPECT_FALSE(read_certificate("nonsense"));
  EXPECT_FALSE(read_certificate(ca.certificate_pem));  // names no holder
  EXPECT_FALSE(make_certificate(ca, {Role::node, "", {}}, kNow));
  EXPECT_FALSE(make_certificate(ca, {Role::brain, "b", {"not an address,IP:1.2.3.4"}}, kNow));
  EXPECT_FALSE(make_certificate({other.key_pem, ca.certificate_pem}, {Role::node, "pi0", {}}, kNow));
  const auto leaf = make_certificate(ca, {Role::node, "pi0", {}}, kNow).value();
  EXPECT_FALSE(read_ca_name(leaf.certificate_pem));
}

}  // namespace
}  // namespace octo::crypto
