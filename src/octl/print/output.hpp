// SPDX-License-Identifier: MIT
// The one way to stdout and stderr. stdout carries the result and nothing else.
#pragma once
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "octl/print/json.hpp"
#include "octl/print/table.hpp"

namespace octo::octl {

enum class Format { table, text, json, jsonl, yaml };
std::optional<Format> find_format(std::string_view name);

// Where we print and how; decided once from flags, environment and terminals.
struct Look {
  std::optional<Format> asked;  // --output
  bool out_terminal = false;
  bool err_terminal = false;
  bool in_terminal = false;
  Colour out_colour = Colour::off;
  Colour err_colour = Colour::off;
  bool silent = false;  // OCTL_NOPRINT: no result, no progress; errors and the exit code remain
  bool raw = false;     // --raw: output of commands is passed on as it is
  bool still = false;   // OCTL_NOSPINNER: no line that moves
};
using Environment = std::function<std::optional<std::string>(const char* name)>;
struct Terminals {
  bool in = false, out = false, err = false;
};
Look look_of(const Environment& environment, Terminals terminals);

// A verb's answer: the whole tree; the member whose items are the rows (jsonl prints them one by one); a
// table for people.
struct Document {
  Json json;
  std::string rows;
  Table table;
};
std::string print(const Document& document, Format format, Colour colour);

class Output {
 public:
  explicit Output(Look look, std::FILE* out = stdout, std::FILE* err = stderr)
      : look_(look), out_(out), err_(err) {}

  const Look& look() const { return look_; }
  void set(std::optional<Format> asked, bool raw);
  // On a terminal a table, otherwise JSON, unless asked.
  Format format() const { return look_.asked.value_or(look_.out_terminal ? Format::table : Format::json); }
  // Something people read, line by line; not a document.
  bool for_people() const { return format() == Format::table || format() == Format::text; }

  void print(const Document& document) { write(octl::print(document, format(), look_.out_colour)); }
  void write(std::string_view text);      // stdout
  void write_err(std::string_view text);  // stderr, output of commands
  void say(std::string_view sentence);    // stderr: "octl: <sentence>"
  void flush();
  // How far it is, on a terminal's stderr; gives way to the next one and to whatever else is printed. Empty:
  // away with it.
  void progress(std::string_view line);
  // Something could not be written to stdout, which was said: the reader has gone away, the disk is full.
  bool broken() const { return broken_; }

 private:
  void give_up();

  Look look_;
  std::FILE* out_;
  std::FILE* err_;
  bool broken_ = false;
  std::string progress_;
};

}  // namespace octo::octl
