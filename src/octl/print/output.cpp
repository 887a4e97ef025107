// SPDX-License-Identifier: MIT
#include "octl/print/output.hpp"

#include <cerrno>
#include <cstring>

#include "octl/print/visible.hpp"

namespace octo::octl {

std::optional<Format> find_format(std::string_view name) {
  if (name == "table") return Format::table;
  if (name == "text") return Format::text;
  if (name == "json") return Format::json;
  if (name == "jsonl") return Format::jsonl;
  if (name == "yaml") return Format::yaml;
  return std::nullopt;
}

Look look_of(const Environment& environment, Terminals terminals) {
  const auto set = [&](const char* name) {
    const auto value = environment(name);
    return value && !value->empty() && *value != "0";
  };
  // NO_COLOR counts whatever its value, if it is not empty (no-color.org).
  const auto no_color = environment("NO_COLOR");
  const bool plain = set("OCTL_NOCOLOR") || (no_color && !no_color->empty()) || environment("TERM") == "dumb";
  Look look;
  look.in_terminal = terminals.in;
  look.out_terminal = terminals.out;
  look.err_terminal = terminals.err;
  look.out_colour = terminals.out && !plain ? Colour::on : Colour::off;
  look.err_colour = terminals.err && !plain ? Colour::on : Colour::off;
  look.silent = set("OCTL_NOPRINT");
  look.still = set("OCTL_NOSPINNER") || environment("TERM") == "dumb";
  return look;
}

std::string print(const Document& document, Format format, Colour colour) {
  switch (format) {
    case Format::table:
    case Format::text: return print(document.table, colour);
    case Format::json: return print_json(document.json);
    case Format::yaml: return print_yaml(document.json);
    case Format::jsonl: break;
  }
  const Json* rows = document.json.find(document.rows);
  if (rows == nullptr || rows->array() == nullptr) return print_json_line(document.json) + "\n";
  std::string out;
  for (const Json& row : *rows->array()) out += print_json_line(row) + "\n";
  return out;
}

void Output::set(std::optional<Format> asked, bool raw) {
  look_.asked = asked;
  look_.raw = raw;
}

void Output::write(std::string_view text) {
  if (look_.silent || broken_ || text.empty()) return;
  if (look_.out_terminal) progress("");
  if (std::fwrite(text.data(), 1, text.size(), out_) != text.size()) give_up();
}

void Output::write_err(std::string_view text) {
  if (look_.silent || text.empty()) return;
  flush();  // keeps the order where both are one terminal
  progress("");
  (void)std::fwrite(text.data(), 1, text.size(), err_);
}

void Output::say(std::string_view sentence) {
  flush();
  progress("");
  std::fputs(fmt::format("octl: {}\n", visible(sentence)).c_str(), err_);
}

void Output::flush() {
  if (!broken_ && std::fflush(out_) != 0) give_up();
}

void Output::progress(std::string_view line) {
  if (line == progress_ || !look_.err_terminal || look_.still || look_.silent) return;
  flush();
  progress_ = line;
  std::fputs(fmt::format("\r{}\x1b[K", line).c_str(), err_);
  (void)std::fflush(err_);
}

void Output::give_up() {
  const int why = errno;
  broken_ = true;  // first: say() flushes
  say(fmt::format("write to stdout: {}", std::strerror(why)));
}

}  // namespace octo::octl
