// SPDX-License-Identifier: MIT
// Private to the room. Peers that are not through their handshake: how many there may be, who has to go when
// they are too many, and whose turn it is. A handshake costs as much as a hundred messages, and anybody may
// ask for one.
#pragma once
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "async/clock.hpp"
#include "async/event.hpp"

namespace octo::net {

// One step of a handshake after the other, for all listeners of a program. Listeners take turns, and within
// one the addresses do, so that a crowd at one door or from one address holds up only itself. Between two
// steps the loop goes round for who is through already, for as long as a step at most: then either half of
// the time is theirs, or they need less.
class Turns {
 public:
  int add_listener() { return listeners_++; }

  // So often the loop goes round between two steps: what a message sets off takes several rounds, and if
  // nothing is ready they cost next to nothing.
  static constexpr int rounds = 16;

  // A place in the line, given up when it ends. Its holder's step lasts from come() until then.
  class Place {
   public:
    Place(Turns& in, Clock& clock, const Executor& executor, int listener, const std::string& address);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    Async<void> come();

   private:
    friend class Turns;
    Turns& turns_;
    Clock& clock_;
    Executor executor_;
    int listener_;
    std::string address_;
    Event called_;
    Instant began_{};
  };

 private:
  struct Crowd {
    std::map<std::string, std::list<Place*>> lines;  // by address, none empty
    std::string served;                              // last
  };
  void call_next();

  std::map<int, Crowd> waiting_;  // by listener, none empty
  int served_ = 0;
  int listeners_ = 0;
  Place* called_ = nullptr;
  Instant ended_{};  // the last step, and how long it took
  Span took_{};
};

// The unauthenticated peers of one listener.
class Lobby {
 public:
  static constexpr std::size_t most = 512;
  static constexpr std::size_t most_of_one = 32;
  // Whoever is alone at its address has at least so long before it is sent away for saying nothing.
  static constexpr Span patience = 3s;

  Lobby(Clock& clock, const Executor& executor) : clock_(clock), changed_(executor) {}

  class Guest {
   public:
    // `send_away` closes the connection; called at most once, never from within the constructor.
    Guest(std::shared_ptr<Lobby> in, std::string address, std::function<void()> send_away);
    ~Guest();
    Guest(const Guest&) = delete;
    Guest& operator=(const Guest&) = delete;
    const std::string& address() const { return address_; }
    void set_waits_for_peer(bool waits) { waits_for_peer_ = waits; }

   private:
    friend class Lobby;
    void leave();
    std::shared_ptr<Lobby> in_;  // null once it has left
    std::string address_;
    std::function<void()> send_away_;
    Instant came_;
    bool waits_for_peer_ = true;
  };

  bool has_too_many_of(const std::string& address) const;
  // Until there is room for one more: sends one away of those who are most from one address, or one who is
  // alone and says nothing; else waits until somebody is through.
  Async<void> make_room();

 private:
  Guest* find_superfluous() const;

  Clock& clock_;
  Event changed_;
  std::map<std::string, std::list<Guest*>> guests_;  // by address, in the order in which they came
  std::size_t count_ = 0;
};

}  // namespace octo::net
