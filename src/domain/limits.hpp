// SPDX-License-Identifier: MIT
// Every bound of the domain, with its reason. Over the limit is refused with too_large, never cut silently.
#pragma once
#include <cstdint>

#include "base/time.hpp"

namespace octo::limits {

inline constexpr std::size_t command_bytes_max =
    128 * 1024;  // Linux takes no longer single argument (MAX_ARG_STRLEN)
inline constexpr std::size_t script_bytes_max = 1024 * 1024 - 64 * 1024;  // one frame with its envelope
inline constexpr std::size_t targets_max = 20'000;  // twice the ten thousand nodes of one Brain
inline constexpr std::size_t apps_max = 256;        // of one scenario: each step is a row and a run per node
inline constexpr std::size_t nodeapp_bytes_max = 240;  // of "<app>@<scenario>": a folder's name has 255
inline constexpr std::size_t barrier_name_bytes_max = 64;
inline constexpr std::size_t message_bytes_max = 4096;  // a commit message
inline constexpr std::size_t description_bytes_max = 4096;
inline constexpr std::size_t input_bytes_max = 512 * 1024;  // of a run's stdin; more is a file's business
inline constexpr std::size_t secrets_max = 16;              // of one task: each is a descriptor
inline constexpr std::size_t secret_bytes_max = 64 * 1024;  // a chain of certificates with its key
inline constexpr std::size_t secret_name_bytes_max = 64;
inline constexpr std::size_t order_bytes_max =
    1000 * 1024;  // of text, environment, input and secrets: one frame
inline constexpr std::size_t environment_bytes_max =
    256 * 1024;  // with the command well below the kernel's 2 MiB

inline constexpr std::size_t output_head_bytes = 1024 * 1024;  // kept of each stream: the first …
inline constexpr std::size_t output_tail_bytes =
    15 * 1024 * 1024;  // … and the last, with the exact count between

inline constexpr std::size_t chunk_bytes_min = 16 * 1024;  // FastCDC's bounds: small enough to find a change,
inline constexpr std::size_t chunk_bytes_average =
    64 * 1024;  // large enough that a manifest stays 0.1 % of the data,
inline constexpr std::size_t chunk_bytes_max = 256 * 1024;  // and four fit a frame
inline constexpr std::size_t manifest_entries_max = 100'000;
inline constexpr std::size_t manifest_bytes_max = 16 * 1024 * 1024;  // travels in parts, is held whole
inline constexpr std::uint64_t bundle_bytes_max = 64ULL * 1024 * 1024 * 1024;
inline constexpr std::size_t path_bytes_max = 4095;

inline constexpr std::uint64_t log_lines_max = 100'000;  // asked for at once: ten megabytes, streamed
inline constexpr std::uint32_t log_days_max = 3650;

inline constexpr Span heartbeat_interval = 10s;
inline constexpr Span suspect_after = 15s;  // one heartbeat and a half
inline constexpr Span offline_after = 45s;
inline constexpr Span delivery_deadline = 10min;  // default: nothing runs late
inline constexpr Span foreground_limit = 1h;      // default execution limit of cmd run
// What runs that start together accept if nothing is said: a busy Wi-Fi can keep it, and a wired network is
// far below it. Tighter is for whoever needs it, and knows that the network can.
inline constexpr Span together_skew = 10ms;
inline constexpr Span kill_grace = 5s;     // between SIGTERM and SIGKILL of a cancelled tree
inline constexpr Span run_kept = 7 * 24h;  // on the node after the Brain has it

}  // namespace octo::limits
