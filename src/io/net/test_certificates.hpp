// SPDX-License-Identifier: MIT
// A temporary folder with a CA and certificates of every role, for tests.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "io/crypto/certificates.hpp"
#include "io/net/tls.hpp"

namespace octo::net {

class TestCertificates {
 public:
  explicit TestCertificates(std::string_view network = "testnet") {
    char name[] = "/tmp/octo_certs_XXXXXX";
    folder_ = ::mkdtemp(name);
    ca_ = crypto::make_ca(network, now()).value();
    write("ca.pem", ca_.certificate_pem);
  }
  ~TestCertificates() { std::filesystem::remove_all(folder_); }
  TestCertificates(const TestCertificates&) = delete;
  TestCertificates& operator=(const TestCertificates&) = delete;

  TlsFiles files(crypto::Role role, const std::string& name) {
    const auto made = crypto::make_certificate(ca_, {role, name, {"127.0.0.1"}}, now()).value();
    write(name + ".pem", made.certificate_pem);
    write(name + ".key", made.key_pem.reveal());
    return {folder_ + "/ca.pem", folder_ + "/" + name + ".pem", folder_ + "/" + name + ".key"};
  }
  TlsFiles reader() const { return {folder_ + "/ca.pem", "", ""}; }
  std::shared_ptr<Tls> tls(crypto::Role role, const std::string& name,
                           Tls::PeerCertificate peers = Tls::PeerCertificate::required) {
    return Tls::load(files(role, name), role, peers).value();
  }
  const std::string& folder() const { return folder_; }

 private:
  static WallTime now() { return std::chrono::time_point_cast<Span>(std::chrono::system_clock::now()); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }

  std::string folder_;
  crypto::KeyAndCertificate ca_;
};

}  // namespace octo::net
