// SPDX-License-Identifier: MIT
// Folders served as they are, for packages: GET and HEAD, one range at a time, read in pieces. Nothing
// outside the folder is reached: names are judged first, and the kernel resolves them beneath it, through no
// symlink.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "async/workers.hpp"
#include "io/http/message.hpp"

namespace octo::nameserver {

// Bytes of a file, [from, from + count).
struct Part {
  std::uint64_t from = 0;
  std::uint64_t count = 0;
  friend bool operator==(const Part&, const Part&) = default;
};
// Of a Range header. Nothing: it asks for what we do not serve as a range, so the whole file is the answer
// (RFC 9110 §14.2). invalid_argument: no byte of the file is in it.
Result<std::optional<Part>> parse_range(std::string_view header, std::uint64_t size);

class StaticFiles {
 public:
  struct Folder {
    std::string url;  // "/release"
    std::string folder;
  };
  StaticFiles(std::vector<Folder> folders, Workers& workers);
  // Nothing: the path is below no folder's url.
  Async<std::optional<http::Reply>> serve(const http::Request& request);

 private:
  std::vector<Folder> folders_;  // longest url first
  Workers& workers_;
};

}  // namespace octo::nameserver
