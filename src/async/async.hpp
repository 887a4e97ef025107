// SPDX-License-Identifier: MIT
// Async<T> is a coroutine on the program's one loop. It is lazy: nothing happens until it is awaited or
// spawned in a Nursery.
//
// Cancellation unwinds: a cancelled coroutine leaves its next wait by an exception that only Nursery and
// with_deadline catch, so destructors run and no room has to test for it. Nobody else may catch (...) around
// a co_await.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/result.hpp"

namespace octo {

namespace asio = boost::asio;

template <class T>
using Async = asio::awaitable<T>;
using Executor = asio::any_io_executor;

}  // namespace octo
