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
  // `settings_file`: -c, else OCTL_CONFIG, else empty: the usual places.
  Session(std::string settings_file, Output& output, Clock& clock, Executor executor);
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
  // A fresh idempotency key.
  std::string make_key();

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
