// SPDX-License-Identifier: MIT
#include "fiber.hpp"

#include <vector>

#include "base/expects.hpp"

#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#endif

namespace octo::sim {

namespace {

constexpr std::size_t kStackBytes = 256 * 1024;  // the sanitizers' frames are large

// Of one after another: a seed has hundreds.
std::vector<std::unique_ptr<char[]>>& free_stacks() {
  static std::vector<std::unique_ptr<char[]>> stacks;
  return stacks;
}

std::unique_ptr<char[]> take_stack() {
  auto& free = free_stacks();
  if (free.empty()) return std::make_unique_for_overwrite<char[]>(kStackBytes);
  auto stack = std::move(free.back());
  free.pop_back();
  return stack;
}

Fiber* entering = nullptr;  // makecontext() hands over nothing but integers

// The sanitizer has to know which stack it is on.
void leave([[maybe_unused]] void** fake_stack, [[maybe_unused]] const void* to,
           [[maybe_unused]] std::size_t bytes) {
#if __has_feature(address_sanitizer)
  __sanitizer_start_switch_fiber(fake_stack, to, bytes);
#endif
}
void arrive([[maybe_unused]] void* fake_stack, [[maybe_unused]] const void** from,
            [[maybe_unused]] std::size_t* bytes) {
#if __has_feature(address_sanitizer)
  __sanitizer_finish_switch_fiber(fake_stack, from, bytes);
#endif
}

}  // namespace

Fiber::Fiber(std::function<void()> body) : body_(std::move(body)), stack_(take_stack()) {
  ::getcontext(&inside_);
  inside_.uc_stack.ss_sp = stack_.get();
  inside_.uc_stack.ss_size = kStackBytes;
  inside_.uc_link = nullptr;
  ::makecontext(&inside_, &Fiber::enter, 0);
}

Fiber::~Fiber() {
  OCTO_EXPECTS(over_ || !begun_);
  free_stacks().push_back(std::move(stack_));
}

void Fiber::enter() { entering->run(); }

void Fiber::run() {
  arrive(nullptr, &outside_bottom_, &outside_bytes_);
  body_();
  over_ = true;
  leave(nullptr, outside_bottom_, outside_bytes_);  // for good
  ::swapcontext(&inside_, &outside_);
}

void Fiber::resume() {
  OCTO_EXPECTS(!over_);
  begun_ = true;
  entering = this;
  void* fake_stack = nullptr;
  leave(&fake_stack, stack_.get(), kStackBytes);
  ::swapcontext(&outside_, &inside_);
  arrive(fake_stack, nullptr, nullptr);
}

void Fiber::pause() {
  leave(&fake_stack_inside_, outside_bottom_, outside_bytes_);
  ::swapcontext(&inside_, &outside_);
  arrive(fake_stack_inside_, &outside_bottom_, &outside_bytes_);
}

}  // namespace octo::sim
