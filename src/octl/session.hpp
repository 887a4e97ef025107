// SPDX-License-Identifier: MIT
// What octl knows of its Brain across calls: settings, the state file (token, address, TLS tickets), one
// connection. Nothing is read or dialled before the first use.
//
// The address found last is tried first, so that the nameserver is in no one's way; where the Brain does not
// answer there, the nameserver is asked. Where that is disabled brain.ip and brain.port count, always. A
// token that has run out is renewed silently, once. Without workgroup.password in the settings it is asked
// for on the terminal.
#pragma once
#include <memory>
#include <string>
#include <type_traits>

#include "client/brain.hpp"
#include "client/state.hpp"
#include "octl/print/output.hpp"

namespace octo::octl {

class Session {
 public:
  struct Setup {
    std::string settings_file;  // -c, else OCTL_CONFIG, else empty: the usual places
    std::string home;           // keeps the state file where the settings' folder cannot
    Sha256 command;             // digest of the words typed, kept with the keys of this call
  };
  Session(Setup setup, Output& output, Clock& clock, Executor executor);
  ~Session();
  // Hangs up, and keeps what the next call wants to know. Nothing is asked after it.
  void close();

  // ask(client::Brain&) → Async<Result<T>>, asked again after the log-in or the address was renewed.
  template <class Ask>
  auto call(Ask ask) -> std::invoke_result_t<Ask&, client::Brain&> {
    OCTO_CO_TRY(co_await open());
    Mended mended;
    auto answer = co_await ask(brain());
    while (!answer && OCTO_CO_TRY(co_await mend(answer.error(), mended))) answer = co_await ask(brain());
    co_return answer;
  }
  // A connection of its own, for what must not wait for a stream of events to end.
  Async<Result<std::unique_ptr<client::Brain>>> another();
  // A fresh idempotency key, durable before anything is sent with it. Dropped when the answer is known; one
  // that stays tells that the outcome of a call was never learnt, and the same command typed again says so.
  Result<std::string> make_key();
  // The same, and the Brain is dialled meanwhile: disk and network are waited for at once.
  Async<Result<std::string>> make_key_and_dial();
  void drop_key(const std::string& key);
  // A POST with a key of its own: ask(client::Brain&, key).
  template <class Ask>
  auto post(Ask ask) -> std::invoke_result_t<Ask&, client::Brain&, const std::string&> {
    const std::string key = OCTO_CO_TRY(co_await make_key_and_dial());
    auto answer = co_await call([&](client::Brain& brain) { return ask(brain, key); });
    if (answer || answer.error().code() != ErrorCode::timed_out) drop_key(key);
    co_return answer;
  }

 private:
  struct Mended {
    bool token = false;
    bool address = false;
  };
  Async<Result<void>> open();
  // Whether it is worth asking again.
  Async<Result<bool>> mend(const Error& error, Mended& mended);
  client::Brain& brain();
  // Not durable yet.
  Result<client::State::PendingKey> choose_key();

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace octo::octl
