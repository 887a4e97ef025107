// SPDX-License-Identifier: MIT
#include "client/state.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "api/json.hpp"
#include "io/files/files.hpp"

namespace octo::client {

namespace {

constexpr std::size_t kFileMax = 1024 * 1024;
constexpr std::size_t kTicketsMax = 16;
constexpr Span kTokenLeft = 30s;
constexpr Span kTicketFresh = 30min;  // a new one within this time is not worth a write
constexpr Span kTicketLife = 12h;
constexpr Span kKeyLife = 24h;  // after that the Brain knows the key no more

void put(api::JsonWriter& out, std::string_view name, std::string_view value, bool first = false) {
  if (!first) out.raw(",");
  out.text(name);
  out.raw(":");
  out.text(value);
}

std::string take(const api::JsonReader& from, std::string_view name) {
  std::string text;
  if (const auto member = from.find(name)) member->text(text);
  return text;
}

// A file that another octl is about to name as its key. What was killed meanwhile stays, and grows old.
bool is_being_written(const std::string& path, WallTime now) {
  if (!path.ends_with(".tmp")) return false;
  std::error_code gone;
  const auto changed = std::filesystem::last_write_time(path, gone);
  return gone || now - std::chrono::file_clock::to_sys(changed) <= kKeyLife;
}

}  // namespace

State State::open(std::string file) {
  State state(std::move(file));
  const auto slash = state.file_.rfind('/');
  // Absent is fine, and what cannot be removed does no harm.
  (void)files::remove_temps(
      slash == std::string::npos ? "." : state.file_.substr(0, std::max<std::size_t>(slash, 1)),
      files::Others::may_save);
  (void)files::remove_temps(state.file_ + ".keys", files::Others::may_save);
  if (const auto loaded = state.load(); !loaded && loaded.error().code() != ErrorCode::not_found) {
    state.warnings_.push_back(
        fmt::format("what octl remembered is thrown away: {}", loaded.error().message()));
    const std::string kept = state.file_;
    auto warnings = std::move(state.warnings_);
    state = State(kept);
    state.warnings_ = std::move(warnings);
    state.changed_ = true;
  }
  return state;
}

Result<void> State::load() {
  const Bytes text = OCTO_TRY(files::load(file_, kFileMax));
  auto document = OCTO_TRY(api::JsonDocument::parse(text).with(file_));
  const auto root = document.root();
  if (!root.is_object()) return fail(document.fault()->with(file_));
  if (const auto token = root.find("token"); token && token->is_object()) {
    const auto expires = parse_wall(take(*token, "expires"));
    if (expires)
      token_ = Token{Secret(take(*token, "text")), *expires, take(*token, "brain"), take(*token, "group")};
  }
  if (root.find("brain")) brain_ = OCTO_TRY(net::parse_endpoint(take(root, "brain")).with(file_));
  if (root.find("credentials")) credentials_ = OCTO_TRY(parse_sha256(take(root, "credentials")).with(file_));
  if (const auto tickets = root.find("tickets"); tickets && tickets->is_object()) {
    tickets->each_member([&](std::string_view server, const api::JsonReader& value) {
      if (!value.is_object()) return;
      const auto bytes = parse_base64(take(value, "bytes"));
      const auto got = parse_wall(take(value, "got"));
      if (bytes && got) tickets_[std::string(server)] = {*bytes, *got};
    });
  }
  if (document.fault()) return fail(document.fault()->with(file_));
  return {};
}

std::optional<Secret> State::find_token(const std::string& brain, const std::string& group,
                                        WallTime now) const {
  if (!token_ || token_->brain != brain || token_->group != group || token_->expires - now < kTokenLeft)
    return std::nullopt;
  return token_->text;
}

void State::set_token(std::optional<Token> token) {
  token_ = std::move(token);
  changed_ = true;
}

void State::set_brain(std::optional<net::Endpoint> brain) {
  changed_ = changed_ || brain_ != brain;
  brain_ = std::move(brain);
}

void State::set_credentials(const Sha256& digest) {
  if (credentials_ == digest) return;
  credentials_ = digest;
  tickets_.clear();
  changed_ = true;
}

std::optional<Bytes> State::find_ticket(const net::Endpoint& server, WallTime now) const {
  const auto found = tickets_.find(net::print(server));
  if (found == tickets_.end() || now - found->second.got > kTicketLife) return std::nullopt;
  return found->second.bytes;
}

void State::set_ticket(const net::Endpoint& server, BytesView ticket, net::Tls::Handshake handshake,
                       WallTime now) {
  const std::string name = net::print(server);
  const auto found = tickets_.find(name);
  const bool taken = handshake == net::Tls::Handshake::resumed;
  if (found != tickets_.end() && taken && now - found->second.got < kTicketFresh) return;
  if (found == tickets_.end() && tickets_.size() >= kTicketsMax) {
    tickets_.erase(
        std::ranges::min_element(tickets_, {}, [](const auto& entry) { return entry.second.got; }));
  }
  tickets_[name] = {Bytes(ticket), now};
  changed_ = true;
}

Result<void> State::save() {
  if (!changed_) return {};
  api::JsonWriter out;
  out.raw("{\"version\":1");
  if (brain_) put(out, "brain", net::print(*brain_));
  if (token_) {
    out.raw(",\"token\":{");
    put(out, "text", token_->text.reveal(), true);
    put(out, "expires", print_wall(token_->expires));
    put(out, "brain", token_->brain);
    put(out, "group", token_->group);
    out.raw("}");
  }
  if (credentials_) put(out, "credentials", print_hex(*credentials_));
  out.raw(",\"tickets\":{");
  bool first = true;
  for (const auto& [server, ticket] : tickets_) {
    if (!first) out.raw(",");
    first = false;
    out.text(server);
    out.raw(":{");
    put(out, "bytes", print_base64(ticket.bytes), true);
    put(out, "got", print_wall(ticket.got));
    out.raw("}");
  }
  out.raw("}}\n");
  if (const auto slash = file_.rfind('/'); slash != std::string::npos && slash > 0)
    OCTO_TRY(files::make_folders(file_.substr(0, slash)));
  OCTO_TRY(files::save(file_, out.take()).with("remember the session"));
  changed_ = false;
  return {};
}

Result<void> State::keep_key(const PendingKey& key) const {
  OCTO_TRY(files::make_folders(file_ + ".keys").with("keep the idempotency key"));
  api::JsonWriter out;
  out.raw("{");
  put(out, "command", print_hex(key.command), true);
  put(out, "since", print_wall(key.since));
  out.raw("}\n");
  return files::save(files::join(file_ + ".keys", key.key), out.take()).with("keep the idempotency key");
}

void State::drop_key(const std::string& key) { (void)files::remove_tree(files::join(file_ + ".keys", key)); }

std::vector<State::PendingKey> State::pending_keys(WallTime now) {
  std::vector<PendingKey> keys;
  const auto names = files::list(file_ + ".keys");
  if (!names) return keys;
  for (const std::string& name : *names) {
    const std::string path = files::join(file_ + ".keys", name);
    if (is_being_written(path, now)) continue;
    const auto text = files::load(path, kFileMax);
    if (!text) continue;
    auto document = api::JsonDocument::parse(*text);
    std::optional<WallTime> since;
    PendingKey key{name, {}, {}};
    if (document && document->root().is_object()) {
      since = parse_wall(take(document->root(), "since"));
      if (const auto command = parse_sha256(take(document->root(), "command"))) key.command = *command;
    }
    if (!since || now - *since > kKeyLife) {
      drop_key(name);
      continue;
    }
    key.since = *since;
    keys.push_back(std::move(key));
  }
  std::ranges::sort(keys, {}, &PendingKey::since);
  return keys;
}

}  // namespace octo::client
