// SPDX-License-Identifier: MIT
// The files of a run's folder as bytes; spec/run-record.md is the page for others. Pure: both the runner and
// the agent use it.
//
// Every file is a row of frames: u32 length, u32 CRC-32C of the payload, payload (big-endian). The payload of
// intent, claim and record is a kind and tagged fields, unknown tags are skipped: that is how the format
// grows.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace octo::runner {

// Names below <data>/runs/<run>/.
inline constexpr const char* kIntentFile = "intent";
inline constexpr const char* kClaimFile = "claim";
inline constexpr const char* kRecordFile = "record";
inline constexpr const char* kNoteFile = "note";  // $OCTOPODA_OUTPUT
// Of a run that starts together with others: when it would start, and the same once it will (format of
// StartAt); why it will not.
inline constexpr const char* kCommitFile = "commit";
inline constexpr const char* kGoFile = "go";
inline constexpr const char* kOffFile = "off";
inline constexpr const char* kScriptFolder = "script";
inline constexpr const char* kWakeFile = "wake";  // beside the run folders: the agent's FIFO

inline constexpr std::size_t kFrameHeadBytes = 8;
inline constexpr std::size_t kFrameBytesMax =
    2 * 1024 * 1024;  // an intent: script and environment at their limits, and room
inline constexpr std::size_t kRecordReserve = 4096;  // preallocated, so that a full disk never loses an end

void put_frame(Bytes& out, BytesView payload);
enum class FrameState { whole, none, torn, damaged };
struct Frame {
  FrameState state = FrameState::none;
  BytesView payload;
  std::size_t next = 0;  // where the frame behind it begins
};
// The frame at `at`. torn: incomplete or wrong, and nothing behind it; damaged: wrong, and something behind
// it.
Frame frame_at(BytesView bytes, std::size_t at);

// Whom to run as: numbers, because the runner knows no names.
struct User {
  std::uint32_t uid = 0, gid = 0;
  std::vector<std::uint32_t> groups;
  friend bool operator==(const User&, const User&) = default;
};

// What is to be run, all of it: the runner needs nothing else.
struct Intent {
  enum class Stdio : std::uint8_t { pipes = 1 };  // pty later
  std::string run;                                // "<task>.<step>.<attempt>": the folder's name
  std::string node;
  bool script = false;
  Bytes text;  // the command line, or the script's bytes
  std::string script_name;
  std::string folder;                                            // working directory
  std::vector<std::pair<std::string, std::string>> environment;  // complete
  Span limit{};                                                  // zero: none
  Span kill_grace{};
  std::string cgroup;                // absolute path made by the agent; empty: none
  std::optional<User> user;          // nothing: as the runner itself
  Bytes input;                       // its stdin; empty: /dev/null
  Instant not_before{};              // boot clock; it is armed until then
  std::int64_t tied_to = 0;          // pid of the agent that it ends with; 0: it outlives it
  std::vector<std::string> secrets;  // names only: the values come by a descriptor, see secrets.hpp
  Instant
      hold_until{};  // boot clock; it starts together with others, and until then it waits to be told when
  Stdio stdio = Stdio::pipes;
  std::uint64_t head_bytes = 0;  // kept of each stream
  std::uint64_t tail_bytes = 0;
  friend bool operator==(const Intent&, const Intent&) = default;
};

// Who may decide the run. Made with O_EXCL, durable before exec.
struct Claim {
  enum class By : std::uint8_t { runner = 1, agent = 2 };
  By by = By::runner;
  std::int64_t pid = 0;
  std::string boot;  // /proc/sys/kernel/random/boot_id: pids and instants mean something only within it
  Instant at;
  friend bool operator==(const Claim&, const Claim&) = default;
};

// The instant a group has agreed on, as the agent translated it.
struct StartAt {
  Instant at;        // boot clock
  Instant brain_at;  // the Brain's
  Span bound{};      // `at` is true to within this
  friend bool operator==(const StartAt&, const StartAt&) = default;
};

// That it has started, on the Brain's clock.
struct Mark {
  Instant at;
  Span bound{};
  Span late{};
  friend bool operator==(const Mark&, const Mark&) = default;
};

struct Started {
  std::int64_t pid = 0;     // of the command; also its session and process group
  std::uint64_t ticks = 0;  // its start time as /proc/<pid>/stat says it: pid and ticks name one process
  Instant at;
  WallTime wall;
  std::optional<Mark> mark;  // a record of its own, written behind it
  friend bool operator==(const Started&, const Started&) = default;
};

struct Ended {
  std::string state;  // a final RunState by name
  std::optional<std::int64_t> exit_code, signal;
  std::string reason;
  std::uint64_t bytes[3] = {};  // written to stdout, stderr, note
  std::optional<WallTime> started;
  Span lasted{};
  std::string version;
  std::optional<Mark> mark;
  friend bool operator==(const Ended&, const Ended&) = default;
};

// Frames, ready to be written.
Bytes encode(const Intent& intent);
Bytes encode(const Claim& claim);
Bytes encode(const StartAt& start);
Bytes encode(const Mark& mark);
Bytes encode(const Started& started);
Bytes encode(const Ended& ended);

// From a file's bytes. corrupt tells what is wrong; for intent and claim a torn file is corrupt too.
Result<Intent> decode_intent(BytesView file);
Result<Claim> decode_claim(BytesView file);
Result<StartAt> decode_start_at(BytesView file);
struct Record {
  std::optional<Started> started;
  std::optional<Mark> mark;
  std::optional<Ended> ended;   // the first counts: a finished run stays finished
  std::size_t whole_bytes = 0;  // up to here frames are whole; a torn one behind it was never durable
};
Result<Record> decode_record(BytesView file);

// Spool: per stream (1 stdout, 2 stderr, 3 note) segment files "<stream's word>.<n>", n from 0; frames of
//   u8 stream, u64 sequence (over all streams of the run), u64 offset in the stream, bytes.
inline constexpr std::size_t kPieceBytesMax = 64 * 1024;
inline constexpr std::size_t kPieceHeadBytes = 17;
struct Piece {
  std::uint8_t stream = 0;
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;
  BytesView bytes;
};
std::string segment_name(std::uint8_t stream, std::uint64_t number);
struct SegmentName {
  std::uint8_t stream = 0;
  std::uint64_t number = 0;
};
std::optional<SegmentName> parse_segment_name(std::string_view name);
// Fills the first kFrameHeadBytes + kPieceHeadBytes of `frame`, whose bytes follow there already.
void seal_piece(char* frame, const Piece& piece);
Result<Piece> decode_piece(BytesView payload);

// What the runner puts into the FIFO: one of these and the run's name, padded with NUL. Shorter than
// PIPE_BUF, so never mixed.
// ended: its end is durable. armed: it is ready to start together with others; going: it will.
enum class Wake : char { output = 'o', record = 'r', ended = 'e', armed = 'a', going = 'g' };
inline constexpr std::size_t kWakeBytes = 64;
Bytes wake_message(Wake wake, std::string_view run);

// How the runner process itself exits.
enum class Exit : int {
  done = 0,
  usage = 2,
  intent = 3,
  claim_lost = 4,
  storage = 5,
  resources = 6,
  secrets = 7
};
// What an exit before the start means, for people.
std::string_view reason_of(int exit_code);

}  // namespace octo::runner
