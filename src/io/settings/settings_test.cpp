// SPDX-License-Identifier: MIT
#include "io/settings/settings.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "io/settings/yaml.hpp"

namespace octo::settings {

namespace fs = std::filesystem;

class SettingsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/octopoda-settings.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { fs::remove_all(folder); }
  std::string file(const std::string& text) const {
    std::ofstream(folder + "/s.yaml") << text;
    return folder + "/s.yaml";
  }
  std::string folder;
};

TEST_F(SettingsTest, TheSettingsThatWeShipLoadWithoutFaultOrWarning) {
  const std::string shipped = std::string(OCTO_SOURCE_DIR) + "/deploy/settings/";
  const auto nameserver = load_nameserver(shipped + "httpns.yaml");
  ASSERT_TRUE(nameserver) << nameserver.error().message();
  EXPECT_TRUE(nameserver->warnings.empty());
  EXPECT_EQ(nameserver->settings.serve_port, 3455);
  const auto brain = load_brain(shipped + "brain.yaml");
  ASSERT_TRUE(brain) << brain.error().message();
  EXPECT_TRUE(brain->warnings.empty());
  EXPECT_EQ(brain->settings.octl_face.port, 12345);
  EXPECT_EQ(brain->settings.keep_run_megabytes, BrainSettings().keep_run_megabytes)
      << "the shipped one is the default";
  const auto tentacle = load_tentacle(shipped + "tentacle.yaml");
  ASSERT_TRUE(tentacle) << tentacle.error().message();
  EXPECT_TRUE(tentacle->warnings.empty());
  EXPECT_FALSE(tentacle->settings.auto_restart);
  const auto octl = load_octl(shipped + "octl.yaml");
  ASSERT_TRUE(octl) << octl.error().message();
  EXPECT_TRUE(octl->warnings.empty());
}

TEST_F(SettingsTest, EveryMistakeIsToldWithItsLineAndTheNearestKey) {
  const auto loaded =
      load_brain(file("name: brain\nhttpsNameServer:\n  host: a\n  prot: 3455\ntentacleFase:\n  port: 1\n"
                      "octlFace:\n  port: many\nlogger: [1]\n"));
  ASSERT_FALSE(loaded);
  const std::string text = loaded.error().message();
  EXPECT_NE(text.find("s.yaml:4: unknown key 'prot' (did you mean 'port'?)"), std::string::npos) << text;
  EXPECT_NE(text.find("s.yaml:5: unknown key 'tentacleFase' (did you mean 'tentacleFace'?)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("s.yaml:8: octlFace.port: expected a number"), std::string::npos) << text;
  EXPECT_NE(text.find("s.yaml:9: logger: expected a mapping"), std::string::npos) << text;
}

TEST_F(SettingsTest, WhatTheOriginalKnewAndWeDoNotIsOneWarningEach) {
  const auto loaded =
      load_brain(file("httpsNameServer: {host: a}\nredis: {ip: 1.2.3.4, port: 6379}\ntentacleFace: "
                      "{heartbeatPort: 3456, messagePort: 3999}\njsonFast: true\n"));
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_EQ(loaded->warnings.size(), 3U);
  EXPECT_NE(loaded->warnings[1].find("redis"), std::string::npos) << loaded->warnings[1];
  EXPECT_EQ(loaded->settings.tentacle_face.port, 3999);
}

TEST_F(SettingsTest, HostileFilesAreRefusedNotFollowed) {
  EXPECT_FALSE(load_brain(file(std::string(2 * 1024 * 1024, '#'))));
  EXPECT_FALSE(load_brain(file("name: " + std::string(50'000, '['))));
  EXPECT_FALSE(load_brain(file("a: &a [x,x]\nb: &b [*a,*a]\nname: *b\n")));
  EXPECT_FALSE(load_brain(file("name: brain\nname: other\nhttpsNameServer: {host: a}\n")))
      << "a key that is there twice";
  EXPECT_FALSE(load_brain(file("just a text\n")));
  EXPECT_FALSE(load_brain(file(": : :\n\t- x")));
}

TEST_F(SettingsTest, AnAbsentFileIsNamed) {
  EXPECT_NE(load_octl(folder + "/none.yaml").error().message().find("none.yaml"), std::string::npos);
  const auto searched = find_settings("no-such-program", "");
  ASSERT_FALSE(searched);
  EXPECT_NE(searched.error().message().find("/etc/octopoda/no-such-program/no-such-program.yaml"),
            std::string::npos);
}

TEST_F(SettingsTest, ABrainIsNamedAsItsCertificateAndTheNameserverAllow) {
  for (const char* name : {"brän", "a b", "a.b", "a/b", "", "\"\\t\""}) {
    const std::string wrong =
        file(fmt::format("httpsNameServer: {{host: a}}\nbrain:\n  name: {}\n", *name == 0 ? "\"\"" : name));
    for (const auto& refused : {load_tentacle(wrong).error().message(), load_octl(wrong).error().message()}) {
      EXPECT_NE(refused.find(wrong + ":3:"), std::string::npos) << refused;
      EXPECT_NE(refused.find("cannot be a Brain's name"), std::string::npos) << refused;
    }
  }
  const std::string own = file("name: brän\nhttpsNameServer: {host: a}\n");
  EXPECT_NE(load_brain(own).error().message().find(own + ":1:"), std::string::npos);
  EXPECT_TRUE(load_brain(file("name: Brain-7_x\nhttpsNameServer: {host: a}\n")));
}

TEST_F(SettingsTest, EnvironmentAndStaticFoldersAreLists) {
  const auto tentacle =
      load_tentacle(file("httpsNameServer: {host: a}\nenv:\n- key: A\n  value: b c\n- key: E\n  value:\n"));
  ASSERT_TRUE(tentacle) << tentacle.error().message();
  EXPECT_EQ(tentacle->settings.environment,
            (std::vector<std::pair<std::string, std::string>>{{"A", "b c"}, {"E", ""}}));
  EXPECT_FALSE(load_tentacle(file("httpsNameServer: {host: a}\nenv:\n- key: A=B\n  value: x\n")));
  EXPECT_FALSE(load_nameserver(file("staticDir:\n- url: release\n  dir: /tmp\n")));
}

}  // namespace octo::settings
