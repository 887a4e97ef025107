// SPDX-License-Identifier: MIT
// What of libgit2 this program has in its own way. Its archive is asked for a name only if nobody before it
// defines that name, so each one here keeps a file of it out of the program, with the libraries behind it.
//
// Repositories here are local folders: no transport (HTTP, SSH, Git) and no TLS is linked, and whoever asks
// for one is told so. That is 1 MB of network code in a program that runs as root, none of it ever reached.
//
// Regular expressions are those of the C library, one of the engines that libgit2 can be built for: Debian
// chose PCRE2, 0.5 MB that would be there to match `submodule\..*\.path` and the words of diff drivers.
#include <git2/errors.h>
#include <git2/types.h>
#include <git2/version.h>
#include <regex.h>

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#if LIBGIT2_VER_MAJOR != 1 || LIBGIT2_VER_MINOR != 5
#error "compare this with regexp.h and the transports of this libgit2, then name its version here"
#endif

namespace {

int of_regexec(int code) {
  if (code == 0) return 0;
  return code == REG_NOMATCH ? GIT_ENOTFOUND : GIT_EINVALIDSPEC;
}

}  // namespace

extern "C" {
// Of private headers of libgit2.
struct OctoGitMatch {
  std::ptrdiff_t start;
  std::ptrdiff_t end;
};
int git_regexp_compile(regex_t** out, const char* pattern, int flags);
void git_regexp_dispose(regex_t** compiled);
int git_regexp_match(regex_t* const* compiled, const char* text);
int git_regexp_search(regex_t* const* compiled, const char* text, std::size_t count, OctoGitMatch* matches);

int git_regexp_compile(regex_t** out, const char* pattern, int flags) {
  constexpr int kIgnoreCase = 1;
  auto compiled = std::make_unique<regex_t>();
  const int code =
      regcomp(compiled.get(), pattern, REG_EXTENDED | ((flags & kIgnoreCase) != 0 ? REG_ICASE : 0));
  *out = nullptr;
  if (code != 0) {
    std::array<char, 256> reason{};
    regerror(code, compiled.get(), reason.data(), reason.size());
    git_error_set_str(GIT_ERROR_REGEX, reason.data());
    return GIT_EINVALIDSPEC;
  }
  *out = compiled.release();
  return 0;
}

void git_regexp_dispose(regex_t** compiled) {
  if (*compiled != nullptr) regfree(*compiled);
  delete *compiled;
  *compiled = nullptr;
}

int git_regexp_match(regex_t* const* compiled, const char* text) {
  return of_regexec(regexec(*compiled, text, 0, nullptr, 0));
}

int git_regexp_search(regex_t* const* compiled, const char* text, std::size_t count, OctoGitMatch* matches) {
  std::vector<regmatch_t> found(count);
  const int code = of_regexec(regexec(*compiled, text, count, found.data(), 0));
  for (std::size_t i = 0; code == 0 && i < count; ++i) matches[i] = {found[i].rm_so, found[i].rm_eo};
  return code;
}

int git_transport_new(git_transport** out, git_remote* owner, const char* url);
int git_transport_new(git_transport** out, git_remote*, const char*) {
  *out = nullptr;
  git_error_set_str(GIT_ERROR_NET, "repositories are local folders; there is no transport");
  return GIT_ERROR;
}

// What its start calls, and the switches that git_libgit2_opts() turns, of the transports.
#define OCTO_NOTHING_TO_START(name) \
  int name(void);                   \
  int name(void) { return 0; }
OCTO_NOTHING_TO_START(git_mbedtls_stream_global_init)
OCTO_NOTHING_TO_START(git_openssl_stream_global_init)
OCTO_NOTHING_TO_START(git_stream_registry_global_init)
OCTO_NOTHING_TO_START(git_transport_ssh_global_init)
#undef OCTO_NOTHING_TO_START

int git_mbedtls__set_cert_location(const char* path, int is_dir);
int git_mbedtls__set_cert_location(const char*, int) { return GIT_ERROR; }

extern bool git_http__expect_continue;
bool git_http__expect_continue = false;
extern bool git_smart__ofs_delta_enabled;
bool git_smart__ofs_delta_enabled = true;

// Of http_parser: what is a URL. To a program without transports nothing is.
struct http_parser_url;
int http_parser_parse_url(const char* text, std::size_t size, int is_connect, http_parser_url* out);
int http_parser_parse_url(const char*, std::size_t, int, http_parser_url*) { return 1; }
}
