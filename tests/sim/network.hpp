// SPDX-License-Identifier: MIT
// Byte streams between machines and the Brain, delivered late, in order, or not at all.
//
// A blocked direction holds what is sent and delivers it when it opens again, as TCP does. break_streams()
// ends streams for one side or both; the side that is not told waits for bytes that never come.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/mailbox.hpp"
#include "io/net/stream.hpp"
#include "witness.hpp"

namespace octo::sim {

enum class End : std::uint8_t { node, brain };

class Network {
 public:
  Network(Surface surface, Witness& witness, SeededRandom random);
  ~Network();

  // The Brain's; a newer listener takes the place of an older one, of which nothing arrives any more.
  std::unique_ptr<net::Listener> listen();
  void stop_listening();
  // `machine` names the cable, `node` what the certificate says.
  std::unique_ptr<net::Dialer> dialer(std::string machine, std::string node);

  struct Weather {
    bool up = true;    // machine → Brain
    bool down = true;  // Brain → machine
    Span delay_max = 3ms;
    bool is_fair() const { return up && down && delay_max <= Span(3ms); }
  };
  void set_weather(const std::string& machine, Weather weather);
  Weather weather(const std::string& machine) const;

  enum class Told : std::uint8_t { both, node, brain, nobody };
  // Every stream of the machine; "" for those of all.
  void break_streams(const std::string& machine, Told told);

  struct Wire;  // one direction of one stream

 private:
  friend class SimStream;
  friend class SimDialer;
  friend class SimListener;
  struct Cable;
  using Arrivals = Mailbox<std::unique_ptr<net::Stream>>;

  Cable& cable(const std::string& machine);

  Surface surface_;
  Witness& witness_;
  SeededRandom random_;
  std::shared_ptr<Arrivals> arrivals_;
  std::map<std::string, std::unique_ptr<Cable>> cables_;
};

}  // namespace octo::sim
