// SPDX-License-Identifier: MIT
// Messages of the streams between Brain and node, as domain values. On the wire they are Protobuf
// (wire/octopoda.proto, spec/wire.md): unknown fields are ignored, an unknown message is `unsupported`, and
// the sender's stream is reset with that.
//
// The first message of a stream says what the stream is for:
//   Brain opens   StartRun   → RunProgress*, RunOutput*, RunEnded ; RunAck* back (a run stream)
//                 CancelRun  → Done | Failed
//                 AskStatus  → StatusAnswer | Failed
//                 AskApps    → AppsAnswer | Failed
//                 AskLog     → LogLines* then finish | Failed
//                 CommitRun, GoRun, CallOffRun → Done | Failed    (runs that start together, spec/time.md)
//   node opens    ResumeRun  → RunAck, and then as a run stream
//                 AskManifest→ Blob* then finish | Failed
//                 AwaitBarrier→ Done, once all are there | Failed
//                 AskChunks  → Blob* then finish | Failed    (one Blob per chunk, in the order asked)
#pragma once
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "domain/node.hpp"
#include "domain/order.hpp"
#include "domain/version.hpp"

namespace octo::wire {

// A node with this feature in its hello hands ExecOrder::secrets on; one without it would start the command
// without them.
inline constexpr std::string_view kSecretsFeature = "secrets";

// Feature of the hello: commands that start together, and barriers.
inline constexpr std::string_view kTogether = "together";

struct Done {};
// The same StartRun may come again after a reconnect: the node answers with what it knows of that run id.
struct StartRun {
  RunOrder order;
  // Refuse it (expired) when it cannot be started within this time from `sent`, however long it was on its
  // way.
  Span start_within{};
  std::optional<Instant> sent;  // Brain's boot clock; nothing: an older Brain, from arrival
};
struct CancelRun {
  RunId run;
};
struct RunAck {
  OutputMark durable;        // the Brain has output up to here for good
  bool end_durable = false;  // … and the end: the node may forget the run's output
  OutputFlow flow = OutputFlow::live;
};
struct AskStatus {};
struct AskApps {
  std::optional<AppAt> app;  // one, with its versions; or all, with the newest version each
  std::uint64_t offset = 0;  // into the versions, newest first
  std::uint64_t limit = 5;
};
struct AskLog {
  LogQuestion question;
};
struct CommitRun {
  RunId run;
  Instant at;  // Brain's clock
  Span max_skew{};
};
struct GoRun {
  RunId run;
};
struct CallOffRun {
  RunId run;
  std::string reason;
};
struct Blob {
  Bytes bytes;
};
struct Failed {
  Error error{ErrorCode::internal, ""};
};
using FromBrain = std::variant<StartRun, CancelRun, RunAck, AskStatus, AskApps, AskLog, CommitRun, GoRun,
                               CallOffRun, Blob, Failed, Done>;

// The node has the run durably, and has started it, or has armed it and will. Of a run that has ended before
// this would be told, only the end is.
using octo::RunProgress;
struct RunOutput {
  OutputPiece piece;
};
struct RunEnded {
  RunEnd end;
};
struct ResumeRun {
  RunId run;
};
struct StatusAnswer {
  HostStatus status;
};
struct AppsAnswer {
  std::vector<NodeAppInfo> apps;
};
struct LogLines {
  std::vector<std::string> lines;  // any bytes but the line's end
};
struct AwaitBarrier {
  RunId run;
  std::string name;
};
struct AskManifest {
  Sha256 hash;
};
struct AskChunks {
  std::vector<Sha256> hashes;
};
using FromNode = std::variant<RunProgress, RunOutput, RunEnded, ResumeRun, StatusAnswer, AppsAnswer, LogLines,
                              AskManifest, AskChunks, AwaitBarrier, Done, Failed>;

Bytes encode(const FromBrain& message);
Bytes encode(const FromNode& message);

// A StartRun in two parts, because the second is the same for all nodes of a step, and may be a large script.
// Together they are one message. What the first says of delay and hold counts where the deed leaves them out.
struct StartHead {
  const RunId& run;
  Span start_within{};
  std::optional<Instant> sent;
  Span delay{};  // zero: as the deed says
  Span hold{};
};
Bytes encode_deed(const Deed& deed);
Bytes encode_start(const StartHead& head, std::size_t deed_bytes);

// invalid_argument when the bytes are no message or a value in it breaks a domain rule; unsupported for an
// unknown kind.
Result<FromBrain> decode_from_brain(BytesView bytes);
Result<FromNode> decode_from_node(BytesView bytes);

}  // namespace octo::wire
