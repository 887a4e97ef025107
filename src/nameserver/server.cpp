// SPDX-License-Identifier: MIT
#include "nameserver/server.hpp"

#include "async/nursery.hpp"
#include "io/net/tls.hpp"
#include "nameserver/nameserver.hpp"

namespace octo::nameserver {

// In the order in which they are needed; the threads end first, and what they run belongs to the rest.
struct Server::Impl {
  Impl(std::unique_ptr<Registry> names, std::vector<StaticFiles::Folder> folders,
       std::unique_ptr<net::Listener> port, Clock& time, std::unique_ptr<Workers> store_thread)
      : clock(time),
        store_worker(std::move(store_thread)),
        registry(std::move(names)),
        files(std::move(folders), file_worker),
        handler(*registry, files, clock),
        listener(std::move(port)) {}

  Clock& clock;
  std::unique_ptr<Workers> store_worker;  // one thread
  ThreadWorkers file_worker{1};           // its own, so that a slow disk of packages holds up no name
  std::unique_ptr<Registry> registry;
  StaticFiles files;
  NameServer handler;
  std::unique_ptr<net::Listener> listener;
};

Result<std::unique_ptr<Server>> Server::open(const settings::NameServerSettings& settings, Clock& clock,
                                             Executor executor) {
  const net::TlsFiles pem{settings.ssl.ca_cert, settings.ssl.cert, settings.ssl.key};
  auto tls = OCTO_TRY(net::Tls::load(pem, crypto::Role::nameserver, net::Tls::PeerCertificate::optional));
  net::ListenAt at{.port = settings.serve_port};
  if (!settings.net_device.empty())
    at.ip = OCTO_TRY(net::address_of_interface(settings.net_device).with("netDevice"));
  auto store_worker = std::make_unique<ThreadWorkers>(1);
  auto registry = OCTO_TRY(Registry::open(settings.data, clock, *store_worker));
  auto listener = OCTO_TRY(net::listen(at, std::move(tls), clock, std::move(executor)));
  std::vector<StaticFiles::Folder> folders;
  for (const auto& [url, folder] : settings.static_dirs) folders.push_back({url, folder});
  return std::unique_ptr<Server>(new Server(std::make_unique<Impl>(
      std::move(registry), std::move(folders), std::move(listener), clock, std::move(store_worker))));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
net::Endpoint Server::address() const { return impl_->listener->address(); }

Async<void> Server::serve() {
  co_await in_nursery([this](Nursery& nursery) -> Async<void> {
    nursery.spawn(impl_->registry->sweep());
    co_await http::serve(*impl_->listener, impl_->handler, impl_->clock);
  });
}

}  // namespace octo::nameserver
