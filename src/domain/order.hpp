// SPDX-License-Identifier: MIT
// What a node is asked to do in one run. A value: the Brain makes it, the wire carries it, the node obeys or
// refuses it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "domain/limits.hpp"
#include "domain/names.hpp"
#include "domain/run.hpp"
#include "domain/secrets.hpp"

namespace octo {

// What a run may take of its node; 0: no bound. Kept by a cgroup of its own, so all it starts counts.
struct Resources {
  std::uint64_t memory_bytes = 0;
  std::uint64_t processes = 0;
  std::uint64_t cpu_percent = 0;  // of one core: 150 is one and a half
  friend bool operator==(const Resources&, const Resources&) = default;
};

// Starts with the other runs of its step at one instant or, as far as anybody can see to it, none of them
// does (spec/time.md).
struct Together {
  Span max_skew{};  // what the group accepts; a node that knows the time half as well at least may take part
  Span hold{};      // how long it is kept ready and waits to be told when
  friend bool operator==(const Together&, const Together&) = default;
};

// A command line, or a script whose bytes travel along.
struct ExecOrder {
  enum class Kind : std::uint8_t { command, script };
  Kind kind = Kind::command;
  Bytes text;                   // the command line, or the script's bytes
  std::string script_name;      // OCTOPODA_FILENAME: base name of the script
  std::optional<AppAt> app;     // runs in this nodeapp's folder, which must exist; else in the workspace root
  bool where_prepared = false;  // where the nodeapp is not there, there is nothing to do, and that is success
  bool background = false;      // no execution limit; the answer "running" with the pid satisfies the caller
  std::vector<std::pair<std::string, std::string>> environment;  // besides OCTOPODA_* and the agent's own
  Span limit = limits::foreground_limit;                         // zero: none
  bool tie = false;    // end it when its caller, its Brain or its agent goes away
  std::string user;    // of the node, whom it runs as; empty: the agent's own, root
  std::string folder;  // working directory, absolute or from where it would run; empty: there
  Bytes input;         // what it reads from its standard input
  Span delay{};        // it is started so long after it was accepted, and is `armed` until then
  Resources resources;
  std::vector<SecretFile> secrets;  // checked; what is stored of an order is without them
  std::optional<Together> together;
};

// Bring the sources of a bundle into the nodeapp's folder: what the previous bundle owned and this one lacks
// goes, files made by scripts stay. Staged, then switched.
struct SyncOrder {
  AppAt app;
  Sha256 manifest;  // of the app's own sources; the node fetches it and the chunks it lacks
  std::string description;
};

// Make a version of the nodeapp, changed or not. Repeating the same run id makes no second one.
struct CommitOrder {
  AppAt app;
  std::string message;
};

// Bring files back to a version and append that as a new version.
struct ResetOrder {
  AppAt app;
  std::string commit;  // full id
  std::string message;
};

// Remove the nodeapp's folder with all its versions.
struct RemoveOrder {
  AppAt app;
};

using Deed = std::variant<ExecOrder, SyncOrder, CommitOrder, ResetOrder, RemoveOrder>;

struct RunOrder {
  RunId id;
  Deed deed;
};

// Bytes of one output stream as they travel; offset counts from the stream's first byte. A gap between one
// piece's end and the next one's offset is bytes that were written and not kept.
struct OutputPiece {
  OutputStream stream = OutputStream::out;
  std::uint64_t offset = 0;
  Bytes bytes;
};

// When a node tells what a run writes: as it comes, or what is left of it once the run has ended.
enum class OutputFlow : std::uint8_t { live, at_end };

// How much of a run's output somebody has: one offset per stream (out, err, note).
struct OutputMark {
  std::uint64_t out = 0;
  std::uint64_t err = 0;
  std::uint64_t note = 0;
  std::uint64_t& of(OutputStream stream) {
    return stream == OutputStream::out ? out : stream == OutputStream::err ? err : note;
  }
  std::uint64_t of(OutputStream stream) const {
    return stream == OutputStream::out ? out : stream == OutputStream::err ? err : note;
  }
  friend bool operator==(const OutputMark&, const OutputMark&) = default;
};

}  // namespace octo
