// SPDX-License-Identifier: MIT
// Every bound of the link, with its reason.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace octo::wire::limits {

inline constexpr std::size_t payload_bytes_max = 1024 * 1024;  // of one frame; judged before memory is taken
inline constexpr std::size_t hello_bytes_max = 16 * 1024;      // before a peer is known it gets little
inline constexpr std::size_t streams_max =
    4096;  // open at once, by each side: runs of one node and then some
inline constexpr std::uint32_t stream_window =
    256 * 1024;  // credit of a new stream: a bandwidth-delay product of 20 Mbit/s × 100 ms
// One message larger than the credit left goes when the window is nearly whole: the receiver may withhold a
// quarter of it, so "whole" would wait for ever.
inline constexpr std::uint32_t stream_window_nearly = stream_window - stream_window / 4;
inline constexpr std::size_t peer_queue_bytes_max =
    4 * 1024 * 1024;  // then send() waits: back-pressure on that stream only
inline constexpr Span hello_timeout = 5s;
inline constexpr std::uint32_t version = 1;  // of the frame format; new abilities are features instead

}  // namespace octo::wire::limits
