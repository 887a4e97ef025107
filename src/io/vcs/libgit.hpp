// SPDX-License-Identifier: MIT
// How this room calls libgit2: handles that free themselves, errors that are this call's own, and when what
// it wrote is durable. Private to the room.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

struct git_repository;
struct git_odb;

namespace octo::vcs {

// A libgit2 object with its free function.
template <class T, void (*Free)(T*)>
class Handle {
 public:
  Handle() = default;
  Handle(Handle&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~Handle() {
    if (held_ != nullptr) Free(held_);
  }
  T* get() const { return held_; }
  T** out() { return &held_; }

 private:
  T* held_ = nullptr;
};

// libgit2 does not set an error wherever it fails, and then shows the last one. Before each call, both it and
// errno are cleared, so that a full disk is never called by the name of something else.
void forget_errors();
// The failure of the call just made.
Failure failed(std::string_view step, int code);
template <class Call>
Result<void> attempt(std::string_view step, Call call) {
  forget_errors();
  if (const int code = call(); code < 0) return failed(step, code);
  return {};
}

// libgit2 syncs each object that it writes, if the switch is on that it has for the whole process. It is, but
// while a Batch of many objects lives: that syncs the whole file system once, before a ref may name them. One
// batch at a time, and no repository is opened meanwhile: its refs are synced as the switch says at that
// time.
class Batch {
 public:
  // `objects`: about how many will be written below `folder`.
  Batch(std::string folder, std::size_t objects);
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  Result<void> sync();

 private:
  std::unique_lock<std::mutex> turn_;
  std::string folder_;
  int open_ = -1;  // of before the first write, so that sync() misses no error; -1: each is synced alone
};
// Calls `open` with the switch on.
int with_synced_refs(const std::function<int()>& open);

}  // namespace octo::vcs
