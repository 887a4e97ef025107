// SPDX-License-Identifier: MIT
#include "setup/passwd.hpp"

#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "io/crypto/crypto.hpp"
#include "io/files/files.hpp"

namespace octo::setup {

namespace {

constexpr std::size_t kPasswordBytesMax = 1024;  // argon2id takes any length; nobody types more
constexpr std::size_t kHashBytesMax = 1024;
constexpr std::string_view kHashPrefix = "$argon2id$";

// No echo, and Ctrl-C as a character: a signal would end us with the terminal still mute.
class MuteTerminal {
 public:
  MuteTerminal() {
    ::tcgetattr(STDIN_FILENO, &before_);
    termios mute = before_;
    mute.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
    mute.c_cc[VMIN] = 1;
    mute.c_cc[VTIME] = 0;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &mute);
  }
  ~MuteTerminal() { ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_); }
  MuteTerminal(const MuteTerminal&) = delete;
  MuteTerminal& operator=(const MuteTerminal&) = delete;

 private:
  termios before_{};
};

std::optional<char> read_character() {
  char c = 0;
  ssize_t got = 0;
  do got = ::read(STDIN_FILENO, &c, 1);
  while (got < 0 && errno == EINTR);
  return got == 1 ? std::optional(c) : std::nullopt;
}

void say(std::string_view text) { (void)!::write(STDERR_FILENO, text.data(), text.size()); }

Result<std::string> type_line(std::string_view prompt) {
  constexpr char kEndOfText = 3, kEndOfTransmission = 4, kBackspace = 8, kKillLine = 21, kDelete = 127;
  say(fmt::format("{}: ", prompt));
  const MuteTerminal mute;
  std::string line;
  for (;;) {
    const auto c = read_character();
    if (!c || *c == kEndOfText || *c == kEndOfTransmission) {
      say("\n");
      const bool interrupted = c && *c == kEndOfText;
      return fail(interrupted ? ErrorCode::cancelled : ErrorCode::invalid_argument, "no password was given");
    }
    if (*c == '\n' || *c == '\r') break;
    if (*c == kBackspace || *c == kDelete) {
      while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xc0) == 0x80) line.pop_back();
      if (!line.empty()) line.pop_back();
    } else if (*c == kKillLine) {
      line.clear();
    } else if (line.size() <= kPasswordBytesMax) {
      line.push_back(*c);
    }
  }
  say("\n");
  return line;
}

std::string read_line() {
  std::string line;
  while (line.size() <= kPasswordBytesMax) {
    const auto c = read_character();
    if (!c || *c == '\n') break;
    line.push_back(*c);
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

Result<void> check(const Secret& password) {
  if (password.empty()) return fail(ErrorCode::invalid_argument, "the password is empty");
  if (password.reveal().size() > kPasswordBytesMax) {
    return fail(ErrorCode::too_large, "the password is longer than {} bytes", kPasswordBytesMax);
  }
  if (!is_utf8(password.reveal())) return fail(ErrorCode::invalid_argument, "the password is not UTF-8");
  return {};
}

}  // namespace

std::string root_password_file(const std::string& data_folder) {
  return files::join(data_folder, "root.passwd");
}

Result<void> set_root_password(const std::string& data_folder, const Secret& password) {
  OCTO_TRY(check(password));
  const std::string hash = OCTO_TRY(crypto::hash_password(password));
  OCTO_TRY(files::make_folders(data_folder));
  return files::save(root_password_file(data_folder), hash + "\n").with("set the root password");
}

Result<std::string> load_root_password_hash(const std::string& data_folder) {
  const std::string file = root_password_file(data_folder);
  if (!files::exists(file)) {
    return fail(ErrorCode::not_found, "the root workgroup has no password yet; set one with: brain passwd");
  }
  const std::string text = OCTO_TRY(files::load(file, kHashBytesMax));
  const std::string hash(trim(text));
  if (hash.starts_with(kHashPrefix)) return hash;
  return fail(ErrorCode::corrupt, "{} holds no argon2id hash; set the password again with: brain passwd",
              quote(file));
}

Result<Secret> ask_password(std::string_view prompt, WhenEmpty when_empty) {
  std::string typed;
  if (::isatty(STDIN_FILENO) == 1) {
    typed = OCTO_TRY(type_line(prompt));
    if (typed.empty() && when_empty == WhenEmpty::answer) return Secret();
    if (OCTO_TRY(type_line("again")) != typed)
      return fail(ErrorCode::invalid_argument, "the two passwords differ; nothing was changed");
  } else {
    typed = read_line();
  }
  const Secret password(std::move(typed));
  if (!password.empty() || when_empty == WhenEmpty::refuse) OCTO_TRY(check(password));
  return password;
}

}  // namespace octo::setup
