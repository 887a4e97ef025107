// SPDX-License-Identifier: MIT
// What octl knows of its Brain across calls: settings, the state file (token, address, TLS tickets), one
// connection. Nothing is read or dialled before the first use.
//
// The cached address is tried first, so that the nameserver is in no one's way; where it does not answer, the
// nameserver is asked, else the settings are believed. A token that has run out is renewed silently, once.
#pragma once
#include <memory>
#include <string>
#include <type_traits>

#include "client/brain.hpp"
#include "octl/print/output.hpp"

namespace octo::octl {

class Session {
 public:
  // `settings_file`: -c, else OCTL_CONFIG, else empty: the usual places. `command`: digest of the words typed, kept with the
  // keys of this call.
  Session(std::string settings_file, const Sha256& command, Output& output, Clock& clock, Executor executor);
  ~Session();

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
  // A fresh idempotency key, durable before anything is sent with it. Dropped when the answer is known; one that stays
  // tells that the outcome of a call was never learnt.
  Result<std::string> make_key();
  void drop_key(const std::string& key);
  // A POST with a key of its own: ask(client::Brain&, key).
  template <class Ask>
  auto post(Ask ask) -> std::invoke_result_t<Ask&, client::Brain&, const std::string&> {
    const std::string key = OCTO_CO_TRY(make_key());
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
  Async<Result<bool>> mend(const Error& error, Mended& mended);
  client::Brain& brain();

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace octo::octl
