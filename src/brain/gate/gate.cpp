// SPDX-License-Identifier: MIT
#include "brain/gate/gate.hpp"

#include "io/crypto/crypto.hpp"

namespace octo::brain {

namespace {

constexpr std::string_view kVersion = "o1";
constexpr std::string_view kBearer = "Bearer ";

// Tokens are signed with this: a changed password makes every token signed before one of another Brain.
Secret signing_key(const Gate::Setup& setup) {
  return Secret(print_hex(crypto::hmac_sha256(setup.token_key.reveal(), "tokens of " + setup.password_hash)));
}

Failure refused(std::string_view why) { return fail(ErrorCode::unauthenticated, "{}", why); }

}  // namespace

Gate::Gate(Setup setup, Workers& workers, Clock& clock)
    : setup_(std::move(setup)),
      signing_key_(signing_key(setup_)),
      request_key_(print_hex(crypto::hmac_sha256(setup_.token_key.reveal(), "requests"))),
      workers_(workers),
      clock_(clock) {}

std::string Gate::sign(std::string_view claims) const {
  return print_hex(crypto::hmac_sha256(signing_key_.reveal(), claims));
}

Sha256 Gate::digest(BytesView request) const { return crypto::hmac_sha256(request_key_.reveal(), request); }

Async<Result<api::LoggedIn>> Gate::login(api::Login login, std::string holder) {
  if (waiting_ >= waiting_max)
    co_return fail(ErrorCode::exhausted, "too many log-ins at once; try again in a second");
  struct Waiting {
    explicit Waiting(int& count) : count_(count) { ++count_; }
    ~Waiting() { --count_; }
    int& count_;
  } const waiting(waiting_);
  // The password is hashed whatever the group, so that time tells nothing.
  const bool fits =
      co_await workers_.run([&] { return crypto::password_fits(login.password, setup_.password_hash); });
  if (!fits || !login.group.empty()) co_return refused("workgroup or password is wrong");
  const auto end =
      std::chrono::floor<std::chrono::seconds>(clock_.wall() + token_life).time_since_epoch().count();
  const std::string claims =
      fmt::format("{}.{}.{}.{}", kVersion, print_base64(login.group), print_base64(holder), end);
  api::LoggedIn answer;
  answer.token = Secret(claims + "." + sign(claims));
  answer.expires_in_seconds = std::chrono::duration_cast<std::chrono::seconds>(token_life).count();
  answer.group = login.group;
  answer.brain = setup_.brain;
  co_return answer;
}

Result<Caller> Gate::check(std::string_view authorization, std::string_view holder) const {
  if (authorization.empty()) return refused("this needs a token: log in first");
  if (!authorization.starts_with(kBearer)) return refused("authorization is not 'Bearer <token>'");
  const std::string_view token = authorization.substr(kBearer.size());
  const auto dot = token.rfind('.');
  if (dot == std::string_view::npos ||
      !crypto::equal_in_constant_time(sign(token.substr(0, dot)), token.substr(dot + 1))) {
    return refused("the token is not of this Brain");
  }
  const auto parts = split(token.substr(0, dot), '.');
  const auto end = parts.size() == 4 ? parse_number(parts[3]) : std::nullopt;
  const auto group = parts.size() == 4 ? parse_base64(parts[1]) : std::nullopt,
             named = parts.size() == 4 ? parse_base64(parts[2]) : std::nullopt;
  if (!end || !group || !named || parts[0] != kVersion) return refused("the token is of another version");
  if (clock_.wall() >= WallTime(std::chrono::seconds(*end))) return refused("the token has run out");
  if (*named != holder) return refused("the token belongs to another certificate");
  return Caller{std::string(holder), Group(*group)};
}

}  // namespace octo::brain
