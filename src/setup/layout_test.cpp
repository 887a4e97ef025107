// SPDX-License-Identifier: MIT
#include "setup/layout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/crypto/crypto.hpp"
#include "io/settings/settings.hpp"
#include "setup/fleet_up.hpp"
#include "setup/passwd.hpp"
#include "setup/test_folder.hpp"

namespace octo::setup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<NodeName> kNodes = {NodeName("pi0"), NodeName("pi-1")};
const Addresses kAt{"127.0.0.1", {20001, 20002, 20003}};

class LayoutTest : public testing::Test {
 protected:
  void complete(const Secret& password = Secret("pass \"word\" \\ ü")) {
    ASSERT_TRUE(complete_certificates(layout_, kNodes, kAt.ip, wall_now()));
    const auto made = complete_settings(layout_, kNodes, kAt, password);
    ASSERT_TRUE(made) << made.error().message();
  }

  TemporaryFolder folder_;
  Layout layout_{folder_ / "a fleet"};
};

TEST_F(LayoutTest, TheProgramsReadTheirSettingsWithoutAWarning) {
  complete();
  const auto nameserver = settings::load_nameserver(layout_.nameserver_settings());
  ASSERT_TRUE(nameserver) << nameserver.error().message();
  EXPECT_THAT(nameserver->warnings, IsEmpty());
  EXPECT_EQ(nameserver->settings.serve_port, 20001);
  EXPECT_EQ(nameserver->settings.net_device, "lo");
  EXPECT_EQ(nameserver->settings.data, layout_.nameserver() + "/data");
  const auto brain = settings::load_brain(layout_.brain_settings());
  ASSERT_TRUE(brain) << brain.error().message();
  EXPECT_THAT(brain->warnings, IsEmpty());
  EXPECT_EQ(brain->settings.tentacle_face.ip, "127.0.0.1");
  EXPECT_EQ(brain->settings.tentacle_face.port, 20002);
  EXPECT_EQ(brain->settings.octl_face.port, 20003);
  EXPECT_EQ(brain->settings.name_server.port, 20001);
  EXPECT_EQ(brain->settings.data, layout_.brain() + "/data");
  const auto node = settings::load_tentacle(layout_.node_settings(kNodes[1]));
  ASSERT_TRUE(node) << node.error().message();
  EXPECT_THAT(node->warnings, IsEmpty());
  EXPECT_EQ(node->settings.name, "pi-1");
  EXPECT_EQ(node->settings.brain_port, 20002);
  EXPECT_EQ(node->settings.workspace_root, layout_.node(kNodes[1]) + "/workspace/");
  const auto octl = settings::load_octl(layout_.octl_settings());
  ASSERT_TRUE(octl) << octl.error().message();
  EXPECT_THAT(octl->warnings, IsEmpty());
  EXPECT_EQ(octl->settings.brain_port, 20003);
  EXPECT_EQ(octl->settings.workgroup_password.reveal(), "pass \"word\" \\ ü");
  EXPECT_EQ(octl->settings.state_file, layout_.octl() + "/state");
}

TEST_F(LayoutTest, EveryProgramsCertificateIsOfItsRole) {
  complete();
  const auto nameserver = settings::load_nameserver(layout_.nameserver_settings())->settings.ssl;
  const auto brain = settings::load_brain(layout_.brain_settings())->settings.ssl;
  const auto node = settings::load_tentacle(layout_.node_settings(kNodes[0]))->settings.ssl;
  const auto octl = settings::load_octl(layout_.octl_settings())->settings.ssl;
  const std::pair<settings::TlsPaths, crypto::Role> all[] = {{nameserver, crypto::Role::nameserver},
                                                             {brain, crypto::Role::brain},
                                                             {node, crypto::Role::node},
                                                             {octl, crypto::Role::client}};
  for (const auto& [paths, role] : all) {
    const auto tls = net::Tls::load({paths.ca_cert, paths.cert, paths.key}, role);
    ASSERT_TRUE(tls) << tls.error().message();
    EXPECT_EQ(mode_of(paths.key), 0600U);
  }
  EXPECT_EQ(mode_of(layout_.octl_settings()), 0600U);
}

TEST_F(LayoutTest, ThePasswordInOctlsSettingsOpensTheBrain) {
  complete(Secret("first"));
  const std::string hash = load_root_password_hash(layout_.brain() + "/data").value();
  EXPECT_TRUE(crypto::password_fits(Secret("first"), hash));
  EXPECT_EQ(mode_of(root_password_file(layout_.brain() + "/data")), 0600U);
}

TEST_F(LayoutTest, WhatIsThereIsKept) {
  complete(Secret("first"));
  write_file(layout_.brain_settings(), read_file(layout_.brain_settings()) + "# mine\n");
  const std::string key = read_file(layout_.node(kNodes[0]) + "/cert/client.key");
  complete(Secret("second"));
  EXPECT_THAT(read_file(layout_.brain_settings()), HasSubstr("# mine"));
  EXPECT_EQ(read_file(layout_.node(kNodes[0]) + "/cert/client.key"), key);
  EXPECT_TRUE(
      crypto::password_fits(Secret("first"), load_root_password_hash(layout_.brain() + "/data").value()));
}

TEST_F(LayoutTest, AnInterruptedSetUpIsFinishedWithThePasswordThatOctlHas) {
  complete(Secret("first"));
  std::filesystem::remove(root_password_file(layout_.brain() + "/data"));
  complete(Secret("second"));
  EXPECT_TRUE(
      crypto::password_fits(Secret("first"), load_root_password_hash(layout_.brain() + "/data").value()));
}

TEST_F(LayoutTest, PortsChangeAndEverythingElseStays) {
  complete();
  const std::string before = read_file(layout_.brain_settings());
  const Ports fresh{21001, 20002, 21003};
  ASSERT_TRUE(change_ports(layout_, kAt.ports, fresh));
  EXPECT_EQ(load_addresses(layout_).value()->ports, fresh);
  EXPECT_EQ(settings::load_octl(layout_.octl_settings())->settings.brain_port, 21003);
  EXPECT_EQ(settings::load_tentacle(layout_.node_settings(kNodes[0]))->settings.name_server.port, 21001);
  ASSERT_TRUE(change_ports(layout_, fresh, kAt.ports));
  EXPECT_EQ(read_file(layout_.brain_settings()), before);
}

TEST_F(LayoutTest, NodesAreFoundByTheirSettings) {
  EXPECT_THAT(find_nodes(layout_).value(), IsEmpty());
  complete();
  EXPECT_THAT(find_nodes(layout_).value(), ElementsAre(kNodes[1], kNodes[0]));
  EXPECT_FALSE(load_addresses(Layout(folder_ / "nowhere")).value());
}

TEST_F(LayoutTest, ANodeCannotTakeAFolderOfTheFleetsOwn) {
  for (const char* name : {"ca", "octl", "nameserver", "brain", "fleet.json", "octl.yaml", "lock", "a/b"}) {
    EXPECT_FALSE(parse_fleet_names({name})) << name;
  }
  EXPECT_FALSE(parse_fleet_names({"pi0", "pi0"}));
}

TEST_F(LayoutTest, InitRefusesAFolderThatIsSetUpAndAsksNothing) {
  int asked = 0;
  const auto password = [&]() -> Result<Secret> { return ++asked, Secret("pass"); };
  const InitOrder order{.folder = layout_.folder(), .node = "pi7"};
  const auto made = init(order, password, wall_now());
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(settings::load_nameserver(layout_.nameserver_settings())->settings.serve_port, 3455);
  EXPECT_THAT(find_nodes(layout_).value(), ElementsAre(NodeName("pi7")));
  const auto again = init(order, password, wall_now());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::conflict);
  EXPECT_EQ(asked, 1);
}

TEST_F(LayoutTest, InitJudgesBeforeItMakesAnything) {
  const auto password = []() -> Result<Secret> { return Secret("pass"); };
  for (const char* ip : {"bogus", "300.1.1.1", "0.0.0.0", "::1", "", "224.0.0.1"}) {
    const auto refused = init({.folder = layout_.folder(), .node = "pi0", .ip = ip}, password, wall_now());
    ASSERT_FALSE(refused) << ip;
    EXPECT_EQ(refused.error().code(), ErrorCode::invalid_argument) << ip;
    EXPECT_THAT(refused.error().message(), HasSubstr("--ip"));
  }
  EXPECT_FALSE(init({.folder = layout_.folder(), .node = "../x"}, password, wall_now()));
  EXPECT_FALSE(std::filesystem::exists(layout_.folder()));
}

TEST_F(LayoutTest, WithoutPasswordTheCommandThatSetsItIsNamed) {
  EXPECT_THAT(load_root_password_hash(folder_.path()).error().message(), HasSubstr("brain passwd"));
  EXPECT_FALSE(set_root_password(folder_.path(), Secret()));
  write_file(root_password_file(folder_.path()), "plain text");
  EXPECT_EQ(load_root_password_hash(folder_.path()).error().code(), ErrorCode::corrupt);
}

}  // namespace
}  // namespace octo::setup
