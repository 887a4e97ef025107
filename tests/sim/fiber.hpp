// SPDX-License-Identifier: MIT
// A function on a stack of its own that can pause in the middle: how a program that blocks lives on the loop.
#pragma once
#include <ucontext.h>

#include <functional>
#include <memory>

namespace octo::sim {

class Fiber {
 public:
  // `body` lets no exception out.
  explicit Fiber(std::function<void()> body);
  // It is over, or was never resumed.
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs it until it pauses or is over.
  void resume();
  // From inside: back to whoever resumed it.
  void pause();
  bool over() const { return over_; }

 private:
  static void enter();
  void run();

  std::function<void()> body_;
  std::unique_ptr<char[]> stack_;
  ucontext_t inside_{};
  ucontext_t outside_{};
  void* fake_stack_inside_ = nullptr;
  const void* outside_bottom_ = nullptr;
  std::size_t outside_bytes_ = 0;
  bool begun_ = false;
  bool over_ = false;
};

}  // namespace octo::sim
