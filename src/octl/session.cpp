// SPDX-License-Identifier: MIT
#include "octl/session.hpp"

#include "async/event.hpp"
#include "async/workers.hpp"
#include "client/nameserver.hpp"
#include "io/crypto/crypto.hpp"
#include "io/files/files.hpp"
#include "io/net/tls.hpp"
#include "io/settings/settings.hpp"
#include "io/settings/yaml.hpp"
#include "octl/state_file.hpp"
#include "octl/verbs/tty.hpp"

namespace octo::octl {

namespace {

constexpr std::size_t kKeyBytes = 16;
// A younger one may belong to the same command in another process, which still waits for its answer.
constexpr Span kForsaken = 2min;

constexpr std::size_t kCredentialMax = 64 * 1024;

std::optional<Sha256> digest_of(const net::TlsFiles& of) {
  crypto::Sha256Stream digest;
  for (const std::string& path : {of.ca_cert, of.cert, of.key}) {
    const auto bytes = files::load(path, kCredentialMax);
    if (!bytes) return std::nullopt;
    digest.add(print_hex(crypto::sha256(*bytes)));
  }
  return digest.finish();
}

}  // namespace

struct Session::Impl {
  Setup setup;
  Output& output;
  Clock& clock;
  Executor executor;

  std::string file;  // the settings'
  settings::OctlSettings settings;
  std::optional<client::State> state;
  std::shared_ptr<net::Tls> tls;
  std::unique_ptr<net::Dialer> dialer;
  net::Endpoint at;
  std::optional<client::Brain> brain;
  Secret password;
  bool opened = false;
  std::optional<ThreadWorkers> disk;  // for what is kept while the network is waited for

  void close() {
    brain.reset();  // its tickets come as long as it lives
    if (state) save();
  }

  void warn(std::string_view sentence) { output.say(fmt::format("warning: {}", sentence)); }
  void save() {
    if (auto saved = state->save(); !saved) warn(saved.error().message());
  }

  Result<void> load() {
    if (dialer) return {};
    const std::string found = OCTO_TRY(settings::find_settings("octl", setup.settings_file));
    auto loaded = OCTO_TRY(settings::load_octl(found));
    for (const std::string& warning : loaded.warnings) warn(warning);
    file = found;
    settings = std::move(loaded.settings);
    password = settings.workgroup_password;
    const net::TlsFiles files{settings.ssl.ca_cert, settings.ssl.cert, settings.ssl.key};
    const auto credentials = digest_of(files);
    // What cannot be read is told now, with the command that makes it.
    tls = credentials ? net::Tls::load_when_needed(files, crypto::Role::client)
                      : OCTO_TRY(net::Tls::load(files, crypto::Role::client));
    state = client::State::open(
        OCTO_TRY(find_state_file({.asked = settings.state_file, .settings = file, .home = setup.home})));
    for (const std::string& warning : state->warnings()) warn(warning);
    if (credentials) state->set_credentials(*credentials);
    tls->set_ticket_store(
        [this](const net::Endpoint& server) { return state->find_ticket(server, clock.wall()); },
        [this](const net::Endpoint& server, BytesView ticket, net::Tls::Handshake handshake) {
          state->set_ticket(server, ticket, handshake, clock.wall());
        });
    dialer = net::make_dialer(tls, clock, executor);
    return {};
  }

  Async<Result<net::Endpoint>> find_address() {
    const settings::NameServerAt& name_server = settings.name_server;
    if (!name_server.enable) co_return net::Endpoint{settings.brain_ip, settings.brain_port};
    client::NameServer asked(*dialer, {name_server.host, name_server.port}, clock);
    const std::string name = settings.brain_name + ".octlFace.request";
    co_return (co_await asked.find_endpoint(name))
        .with(fmt::format("ask the nameserver at {}:{} for Brain {}", name_server.host, name_server.port,
                          quote(settings.brain_name)));
  }

  client::Brain::At brain_at() const { return {.endpoint = at, .name = settings.brain_name}; }

  std::optional<Secret> find_token() const {
    return state->find_token(settings.brain_name, settings.workgroup_root, clock.wall());
  }

  void connect(net::Endpoint to) {
    at = std::move(to);
    brain.emplace(*dialer, brain_at(), clock);
    if (auto token = find_token()) brain->set_token(std::move(*token));
    if (settings.name_server.enable) state->set_brain(at);
  }

  Async<Result<Secret>> find_password() {
    if (!password.empty()) co_return password;
    const Look& look = output.look();
    if (!look.in_terminal || !look.err_terminal) {
      co_return fail(ErrorCode::unauthenticated,
                     "{}: workgroup.password is missing, and there is no terminal to ask at", file);
    }
    password = OCTO_CO_TRY(co_await read_password(fmt::format(
        "password of workgroup {} on Brain {}: ", quote(settings.workgroup_root), settings.brain_name)));
    co_return password;
  }

  Async<Result<void>> log_in(client::Brain& to) {
    const Secret secret = OCTO_CO_TRY(co_await find_password());
    auto answer = co_await to.login({.group = settings.workgroup_root, .password = secret});
    if (!answer) {
      const Error error =
          std::move(answer).error().with(fmt::format("log in to Brain {}", settings.brain_name));
      if (error.code() != ErrorCode::unauthenticated) co_return fail(error);
      password = settings.workgroup_password;  // a mistyped one is asked for again
      co_return fail(error.code(), "{}; check workgroup.root and workgroup.password in {}", error.message(),
                     file);
    }
    state->set_token(
        client::State::Token{.text = answer->token,
                             .expires = clock.wall() + std::chrono::seconds(answer->expires_in_seconds),
                             .brain = settings.brain_name,
                             .group = settings.workgroup_root});
    save();
    to.set_token(std::move(answer->token));
    co_return Result<void>();
  }
  Async<Result<void>> log_in_unless_known(client::Brain& to) {
    if (find_token()) co_return Result<void>();
    co_return co_await log_in(to);
  }

  Async<Result<bool>> move(const Error& error) {
    auto found = co_await find_address();
    if (!found) co_return fail(error.code(), "{}; {}", error.message(), found.error().message());
    if (*found == at) co_return false;
    connect(std::move(*found));
    co_return true;
  }
};

Session::Session(Setup setup, Output& output, Clock& clock, Executor executor)
    : impl_(new Impl{
          .setup = std::move(setup), .output = output, .clock = clock, .executor = std::move(executor)}) {}
Session::~Session() { close(); }

void Session::close() { impl_->close(); }

client::Brain& Session::brain() { return *impl_->brain; }

Async<Result<void>> Session::open() {
  if (impl_->opened) co_return Result<void>();
  OCTO_CO_TRY(impl_->load());
  if (!impl_->brain) {
    const std::optional<net::Endpoint>& known = impl_->state->brain();
    if (known && impl_->settings.name_server.enable) impl_->connect(*known);
    else impl_->connect(OCTO_CO_TRY(co_await impl_->find_address()));
  }
  Mended mended{.token = true};  // the log-in itself is not mended by logging in
  auto ready = co_await impl_->log_in_unless_known(brain());
  while (!ready && OCTO_CO_TRY(co_await mend(ready.error(), mended))) {
    ready = co_await impl_->log_in_unless_known(brain());
  }
  impl_->opened = ready.has_value();
  co_return ready;
}

Async<Result<bool>> Session::mend(const Error& error, Mended& mended) {
  if (error.code() == ErrorCode::unauthenticated && !std::exchange(mended.token, true)) {
    impl_->state->set_token(std::nullopt);
    OCTO_CO_TRY(co_await impl_->log_in(brain()));
    co_return true;
  }
  // forbidden: another server has the address now, and its certificate says so.
  const bool lost = error.code() == ErrorCode::unavailable || error.code() == ErrorCode::forbidden;
  if (lost && !std::exchange(mended.address, true)) co_return co_await impl_->move(error);
  co_return false;
}

Async<Result<std::unique_ptr<client::Brain>>> Session::another() {
  OCTO_CO_TRY(co_await open());
  auto brain = std::make_unique<client::Brain>(*impl_->dialer, impl_->brain_at(), impl_->clock);
  // Of a call that goes on for hours the token may have run out meanwhile.
  if (auto token = impl_->find_token()) brain->set_token(std::move(*token));
  else OCTO_CO_TRY(co_await impl_->log_in(*brain));
  co_return brain;
}

Result<client::State::PendingKey> Session::choose_key() {
  OCTO_TRY(impl_->load());
  const WallTime now = impl_->clock.wall();
  for (const client::State::PendingKey& pending : impl_->state->pending_keys(now)) {
    if (pending.command != impl_->setup.command || now - pending.since < kForsaken) continue;
    impl_->warn(
        fmt::format("the same command, typed at {}, never got its answer and may have been carried out; "
                    "see: octl task list",
                    print_wall(pending.since)));
    impl_->state->drop_key(pending.key);
  }
  crypto::SystemRandom random;
  return client::State::PendingKey{
      .key = print_hex(random.bytes(kKeyBytes)), .command = impl_->setup.command, .since = now};
}

Result<std::string> Session::make_key() {
  const auto key = OCTO_TRY(choose_key());
  OCTO_TRY(impl_->state->keep_key(key));
  return key.key;
}

Async<Result<std::string>> Session::make_key_and_dial() {
  const auto key = OCTO_CO_TRY(choose_key());
  if (!impl_->disk) impl_->disk.emplace(1);
  std::optional<Result<void>> kept;
  Event ended(impl_->executor);
  const auto dialled = co_await in_nursery([&](Nursery& nursery) -> Async<Result<void>> {
    nursery.spawn([](Workers& workers, const client::State& state, const client::State::PendingKey& pending,
                     std::optional<Result<void>>& into, Event& event) -> Async<void> {
      into.emplace(co_await workers.run([&] { return state.keep_key(pending); }));
      event.set();
    }(*impl_->disk, *impl_->state, key, kept, ended));
    auto reached = co_await call([](client::Brain& to) { return to.connect(); });
    while (!kept) co_await ended.wait();
    co_return reached;
  });
  if (kept && !dialled) drop_key(key.key);  // nothing was sent with it
  OCTO_CO_TRY(std::move(*kept));
  OCTO_CO_TRY(dialled);
  co_return key.key;
}

void Session::drop_key(const std::string& key) { impl_->state->drop_key(key); }

}  // namespace octo::octl
