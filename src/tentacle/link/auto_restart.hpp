// SPDX-License-Identifier: MIT
// When the settings' autoRestartCommand is due: a machine that reaches nobody for long may be cured by a
// reboot, and must never be in a loop of them. Knows time only as an argument. What was started is on disk,
// so that neither the reboot nor a restart of the agent makes it forgotten.
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"

namespace octo::tentacle {

// True of an answer: somebody heard us and does not want us. No reboot cures that.
bool is_refusal(const Error& error);

class AutoRestart {
 public:
  static constexpr int starts_max = 3;  // without a session between them
  // A shutdown waits 90 s for every service that hangs, and a board takes minutes to come up again.
  static constexpr Span pause = 10min;

  // Both have to be over without a session: `rounds` failed rounds, and the time that as many take at one
  // every `interval`. (Rounds alone would be over in a second or in half an hour: their back-off is random.)
  struct Rule {
    int rounds = 6;      // heartbeat.retryTime
    Span interval = 5s;  // heartbeat.reconnectInterval
  };
  // `file` keeps the count; `boot_id` tells whether a start that it remembers was of this boot.
  AutoRestart(Rule rule, std::string file, std::string boot_id, Instant now);

  // What is wrong with the file. It counts as all tries used, because nobody knows how many were.
  const std::optional<Error>& damage() const { return damage_; }

  // The Brain has welcomed us: the starts until now are forgotten, on disk as well.
  Result<void> joined();
  void session_ended(Instant now);
  void round_failed(const Error& why, Instant now);

  // Whether to start the command now; never while the one before runs.
  bool is_due(Instant now) const;
  // Counted durably before the command is started, or one that takes at once would not count. The number of
  // this start. Its end is told with ended().
  Result<int> begin(Instant now);
  void ended() { running_ = false; }

 private:
  void load(Instant now);

  Rule rule_;
  std::string file_;
  std::string boot_id_;
  std::optional<Error> damage_;
  int starts_ = 0;
  std::optional<Instant> last_start_;  // of this boot
  bool running_ = false;
  int rounds_ = 0;  // that failed since
  Instant since_;
};

}  // namespace octo::tentacle
