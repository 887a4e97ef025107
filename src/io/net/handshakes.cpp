// SPDX-License-Identifier: MIT
#include "io/net/handshakes.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

#include "async/deadline.hpp"

namespace octo::net {

namespace {

// The first after `last`, around the end.
template <class Map>
auto next_after(Map& map, const typename Map::key_type& last) {
  const auto found = map.upper_bound(last);
  return found == map.end() ? map.begin() : found;
}

}  // namespace

Turns::Place::Place(Turns& in, Clock& clock, const Executor& executor, int listener,
                    const std::string& address)
    : turns_(in),
      clock_(clock),
      executor_(executor),
      listener_(listener),
      address_(address),
      called_(executor) {
  turns_.waiting_[listener_].lines[address_].push_back(this);
  if (turns_.called_ == nullptr) turns_.call_next();
}

Turns::Place::~Place() {
  if (turns_.called_ == this) {
    if (began_ != Instant{}) {
      turns_.ended_ = clock_.now();
      turns_.took_ = turns_.ended_ - began_;
    }
    turns_.call_next();
    return;
  }
  Crowd& crowd = turns_.waiting_.at(listener_);
  auto& line = crowd.lines.at(address_);
  line.remove(this);
  if (line.empty()) crowd.lines.erase(address_);
  if (crowd.lines.empty()) turns_.waiting_.erase(listener_);
}

Async<void> Turns::Place::come() {
  while (turns_.called_ != this) co_await called_.wait();
  for (int round = 0; round < rounds && clock_.now() - turns_.ended_ < turns_.took_; ++round)
    co_await asio::post(executor_, asio::use_awaitable);
  began_ = clock_.now();
}

void Turns::call_next() {
  called_ = nullptr;
  if (waiting_.empty()) return;
  const auto crowd = next_after(waiting_, served_);
  auto& [lines, served] = crowd->second;
  const auto line = next_after(lines, served);
  called_ = line->second.front();
  line->second.pop_front();
  served_ = crowd->first;
  served = line->first;
  if (line->second.empty()) lines.erase(line);
  if (lines.empty()) waiting_.erase(crowd);
  called_->called_.set();
}

Lobby::Guest::Guest(std::shared_ptr<Lobby> in, std::string address, std::function<void()> send_away)
    : in_(std::move(in)),
      address_(std::move(address)),
      send_away_(std::move(send_away)),
      came_(in_->clock_.now()) {
  in_->guests_[address_].push_back(this);
  ++in_->count_;
}

Lobby::Guest::~Guest() { leave(); }

void Lobby::Guest::leave() {
  if (!in_) return;
  const auto found = in_->guests_.find(address_);
  found->second.remove(this);
  if (found->second.empty()) in_->guests_.erase(found);
  --in_->count_;
  in_->changed_.set();
  in_.reset();
}

bool Lobby::has_too_many_of(const std::string& address) const {
  const auto found = guests_.find(address);
  return found != guests_.end() && found->second.size() >= most_of_one;
}

Async<void> Lobby::make_room() {
  while (count_ >= most) {
    if (Guest* guest = find_superfluous()) {
      guest->leave();
      guest->send_away_();
    } else {
      // Who is superfluous changes with time as well.
      (void)co_await with_deadline(clock_, patience / 10, [](Event& changed) -> Async<Result<void>> {
        co_await changed.wait();
        co_return Result<void>{};
      }(changed_));
    }
  }
}

Lobby::Guest* Lobby::find_superfluous() const {
  const auto crowd =
      std::ranges::max_element(guests_, {}, [](const auto& entry) { return entry.second.size(); });
  if (crowd->second.size() > 1) return crowd->second.front();
  Guest* oldest = nullptr;
  for (const auto& [address, guests] : guests_) {
    Guest* guest = guests.front();
    if (guest->waits_for_peer_ && (oldest == nullptr || guest->came_ < oldest->came_)) oldest = guest;
  }
  return oldest != nullptr && clock_.now() - oldest->came_ >= patience ? oldest : nullptr;
}

}  // namespace octo::net
