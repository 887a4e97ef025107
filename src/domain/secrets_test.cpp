// SPDX-License-Identifier: MIT
#include "domain/secrets.hpp"

#include <gtest/gtest.h>

#include "domain/limits.hpp"

namespace octo {
namespace {

SecretFile of(std::string name, std::string value = "v") {
  return {std::move(name), Secret(std::move(value))};
}

std::string fault_of(std::vector<SecretFile> secrets) {
  const auto judged = check(secrets);
  return judged ? "" : fmt::format("{}: {}", name_of(judged.error().code()), judged.error().message());
}

TEST(SecretsTest, NamesAreThoseOfVariables) {
  EXPECT_EQ(fault_of({of("TOKEN"), of("_x9"), of(std::string(64, 'n'))}), "");
  for (const std::string& name : {"", "9a", "a-b", "a b", "a=b", "ä"})
    EXPECT_TRUE(fault_of({of(name)}).contains("is no name for a secret")) << name;
  EXPECT_TRUE(fault_of({of(std::string(65, 'n'))}).contains("is no name"));
  EXPECT_EQ(secret_variable("TOKEN"), "OCTOPODA_SECRET_TOKEN");
}

TEST(SecretsTest, EachIsThereOnceAndHoldsSomething) {
  EXPECT_EQ(fault_of({of("a"), of("a")}), "invalid_argument: secret a is there twice");
  EXPECT_EQ(fault_of({of("a", "")}), "invalid_argument: secret a is empty");
}

TEST(SecretsTest, TooManyAndTooLargeAreRefusedWithoutTellingTheValue) {
  std::vector<SecretFile> many;
  for (std::size_t i = 0; i <= limits::secrets_max; ++i) many.push_back(of(fmt::format("s{}", i)));
  EXPECT_EQ(fault_of(many), "too_large: 17 secrets, 16 at most");
  many.pop_back();
  EXPECT_EQ(fault_of(many), "");
  EXPECT_EQ(fault_of({of("a", std::string(limits::secret_bytes_max, 'x'))}), "");
  EXPECT_EQ(fault_of({of("a", std::string(limits::secret_bytes_max + 1, 'x'))}),
            "too_large: secret a has 65537 bytes, 65536 at most");
}

}  // namespace
}  // namespace octo
