// SPDX-License-Identifier: MIT
// Mailbox<T>: a queue between coroutines of one loop. Bounds are the sender's business: size() tells.
#pragma once
#include <list>
#include <optional>
#include <vector>

#include "async/event.hpp"

namespace octo {

template <class T>
class Mailbox {
 public:
  explicit Mailbox(Executor executor) : arrived_(std::move(executor)) {}

  void put(T item) {
    items_.push_back(std::move(item));
    arrived_.set();
  }
  // After close() takers get what is left, then nothing.
  void close() {
    closed_ = true;
    arrived_.set();
  }
  std::size_t size() const { return items_.size(); }

  // Waits for at least one; empty means closed.
  Async<std::vector<T>> take_all() {
    while (items_.empty() && !closed_) co_await arrived_.wait();
    std::vector<T> all(std::make_move_iterator(items_.begin()), std::make_move_iterator(items_.end()));
    items_.clear();
    co_return all;
  }
  Async<std::optional<T>> take() {
    while (items_.empty() && !closed_) co_await arrived_.wait();
    if (items_.empty()) co_return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    co_return item;
  }

 private:
  std::list<T> items_;  // an empty deque keeps half a kilobyte, and every session has a mailbox
  Event arrived_;
  bool closed_ = false;
};

}  // namespace octo
