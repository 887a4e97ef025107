// SPDX-License-Identifier: MIT
#include "nameserver/server.hpp"

#include "async/nursery.hpp"
#include "io/net/tls.hpp"
#include "nameserver/followed_port.hpp"
#include "nameserver/nameserver.hpp"

namespace octo::nameserver {

// On every address, or where an interface is.
struct Port {
  net::Listener& listener() const { return followed ? static_cast<net::Listener&>(*followed) : *all; }
  std::unique_ptr<net::Listener> all;
  std::unique_ptr<FollowedPort> followed;
};

// In the order in which they are needed; the threads end first, and what they run belongs to the rest.
struct Server::Impl {
  Impl(std::unique_ptr<Registry> names, std::vector<StaticFiles::Folder> folders, Port at, Clock& time,
       std::unique_ptr<Workers> store_thread)
      : clock(time),
        store_worker(std::move(store_thread)),
        registry(std::move(names)),
        files(std::move(folders), file_worker),
        handler(*registry, files, clock),
        port(std::move(at)) {}

  Clock& clock;
  std::unique_ptr<Workers> store_worker;  // one thread
  ThreadWorkers file_worker{1};           // its own, so that a slow disk of packages holds up no name
  std::unique_ptr<Registry> registry;
  StaticFiles files;
  NameServer handler;
  Port port;
};

namespace {

// The one address that is asked for, or the interface's, whichever that is just now.
Result<Port> listen(const settings::NameServerSettings& settings, Clock& clock, const Executor& executor) {
  const net::TlsFiles pem{settings.ssl.ca_cert, settings.ssl.cert, settings.ssl.key};
  auto tls = OCTO_TRY(net::Tls::load(pem, crypto::Role::nameserver, net::Tls::PeerCertificate::optional));
  if (settings.net_device.empty()) {
    Port port;
    port.all = OCTO_TRY(net::listen({.port = settings.serve_port}, std::move(tls), clock, executor));
    return port;
  }
  Port port;
  port.followed = OCTO_TRY(FollowedPort::open(
      [device = settings.net_device] { return net::address_of_interface(device).with("netDevice"); },
      [tls, &clock, executor](const std::string& ip, std::uint16_t number) {
        return net::listen({.ip = ip, .port = number}, tls, clock, executor);
      },
      settings.serve_port));
  return port;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::open(const settings::NameServerSettings& settings, Clock& clock,
                                             Executor executor) {
  auto store_worker = std::make_unique<ThreadWorkers>(1);
  auto registry = OCTO_TRY(Registry::open(settings.data, clock, *store_worker));
  Port port = OCTO_TRY(listen(settings, clock, executor));
  std::vector<StaticFiles::Folder> folders;
  for (const auto& [url, folder] : settings.static_dirs) folders.push_back({url, folder});
  return std::unique_ptr<Server>(new Server(std::make_unique<Impl>(
      std::move(registry), std::move(folders), std::move(port), clock, std::move(store_worker))));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
net::Endpoint Server::address() const { return impl_->port.listener().address(); }

Async<void> Server::serve() {
  co_await in_nursery([this](Nursery& nursery) -> Async<void> {
    nursery.spawn(impl_->registry->sweep());
    if (impl_->port.followed) nursery.spawn(impl_->port.followed->follow(impl_->clock));
    co_await http::serve(impl_->port.listener(), impl_->handler, impl_->clock);
  });
}

}  // namespace octo::nameserver
