// SPDX-License-Identifier: MIT
#include "nameserver/static_files.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "io/files/beneath.hpp"

namespace octo::nameserver {

namespace {

constexpr std::uint64_t kPieceBytes = 256 * 1024;
constexpr std::size_t kNameBytesMax = 255, kPathBytesMax = 4095;  // of Linux; longer ones are nobody's

struct OpenFile {
  files::Descriptor descriptor;
  std::uint64_t size = 0;
  std::string etag;
};

// The path below a folder; nothing when a segment is not the plain name of something in it.
std::optional<std::string> decode_path(std::string_view rest) {
  std::string path;
  for (const std::string& segment : split(rest, '/')) {
    const auto name = http::percent_decode(segment);
    if (!name || name->empty() || name->size() > kNameBytesMax || *name == "." || *name == ".." ||
        name->find_first_of(std::string_view("/\0", 2)) != std::string::npos) {
      return std::nullopt;
    }
    path += (path.empty() ? "" : "/") + *name;
  }
  if (path.size() > kPathBytesMax) return std::nullopt;
  return path;
}

Result<std::shared_ptr<OpenFile>> open_file(const std::string& folder, const std::string& path) {
  const files::Descriptor root(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.good()) return files::failed("open", folder);
  // O_NONBLOCK: a FIFO must not hold us up.
  auto file =
      std::make_shared<OpenFile>(OCTO_TRY(files::open_beneath(root.get(), path, O_RDONLY | O_NONBLOCK)));
  const files::Facts facts = OCTO_TRY(files::look(file->descriptor));
  if (facts.kind != files::Facts::Kind::file) return fail(ErrorCode::not_found, "{} is no file", path);
  file->size = facts.bytes;
  file->etag = fmt::format("\"{:x}-{:x}\"", file->size, facts.changed.time_since_epoch().count());
  return file;
}

Result<Bytes> read_piece(const OpenFile& file, Part part) {
  Bytes piece(std::min(part.count, kPieceBytes), '\0');
  const ssize_t count =
      ::pread(file.descriptor.get(), piece.data(), piece.size(), static_cast<off_t>(part.from));
  if (count < 0) return files::failed("read", "a file that is being served");
  // Shorter than it was: what was promised cannot be sent.
  if (count == 0) return fail(ErrorCode::unavailable, "the file has shrunk");
  piece.resize(static_cast<std::size_t>(count));
  return piece;
}

Async<Result<void>> send_part(std::shared_ptr<OpenFile> file, Part part, Workers& workers,
                              http::BodyWriter& out) {
  while (part.count > 0) {
    const Bytes piece = OCTO_CO_TRY(co_await workers.run([&] { return read_piece(*file, part); }));
    OCTO_CO_TRY(co_await out.write(piece));
    part.from += piece.size();
    part.count -= piece.size();
  }
  co_return Result<void>{};
}

std::string_view find_header(const http::Request& request, const std::string& name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? std::string_view() : found->second;
}

http::Reply refuse(ErrorCode code, std::string text) {
  return http::problem_reply(http_status_of(code), Error(code, std::move(text)));
}

}  // namespace

Result<std::optional<Part>> parse_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return std::nullopt;
  const std::string_view range = header.substr(kUnit.size());
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos || range.find(',') != std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view digits) {
    return digits.starts_with('+') || digits.starts_with('-') ? std::nullopt : parse_number(digits);
  };
  const auto first = number(range.substr(0, dash));
  const auto last = number(range.substr(dash + 1));
  const bool to_end = dash + 1 == range.size();
  if ((dash > 0 && !first) || (!to_end && !last) || (!first && !last)) return std::nullopt;
  if (first && last && *last < *first) return std::nullopt;
  if (!first) {
    const std::uint64_t count = std::min(static_cast<std::uint64_t>(*last), size);
    if (count == 0) return fail(ErrorCode::invalid_argument, "no byte of {} is in {}", size, header);
    return Part{size - count, count};
  }
  const auto from = static_cast<std::uint64_t>(*first);
  if (from >= size) return fail(ErrorCode::invalid_argument, "no byte of {} is in {}", size, header);
  return Part{from,
              to_end ? size - from : std::min(static_cast<std::uint64_t>(*last) - from + 1, size - from)};
}

StaticFiles::StaticFiles(std::vector<Folder> folders, Workers& workers)
    : folders_(std::move(folders)), workers_(workers) {
  std::ranges::sort(folders_, std::greater{}, [](const Folder& one) { return one.url.size(); });
}

Async<std::optional<http::Reply>> StaticFiles::serve(const http::Request& request) {
  const auto below = [&](const Folder& one) {
    return request.path.starts_with(one.url) && request.path.substr(one.url.size()).starts_with('/');
  };
  const auto found = std::ranges::find_if(folders_, below);
  if (found == folders_.end()) co_return std::nullopt;
  const auto path = decode_path(std::string_view(request.path).substr(found->url.size() + 1));
  if (!path) co_return refuse(ErrorCode::not_found, "no such file");
  const auto opened = co_await workers_.run([&] { return open_file(found->folder, *path); });
  // What may not be read is not there: a symlink, a folder, another's file.
  if (!opened)
    co_return opened.error().code() == ErrorCode::unavailable
        ? refuse(ErrorCode::unavailable, "the file cannot be read now")
        : refuse(ErrorCode::not_found, "no such file");
  const std::shared_ptr<OpenFile>& file = *opened;
  const std::string_view if_range = find_header(request, "if-range");
  std::optional<Part> part;
  if (if_range.empty() || if_range == file->etag) {
    const auto asked = parse_range(find_header(request, "range"), file->size);
    if (!asked) {
      constexpr int kRangeNotSatisfiable = 416;
      http::Reply reply = http::problem_reply(kRangeNotSatisfiable, asked.error());
      reply.headers["content-range"] = fmt::format("bytes */{}", file->size);
      co_return reply;
    }
    part = *asked;
  }
  http::Reply reply{
      part ? 206 : 200,
      {{"content-type", "application/octet-stream"}, {"accept-ranges", "bytes"}, {"etag", file->etag}},
      {},
      nullptr};
  const Part sent = part.value_or(Part{0, file->size});
  if (part)
    reply.headers["content-range"] =
        fmt::format("bytes {}-{}/{}", sent.from, sent.from + sent.count - 1, file->size);
  reply.stream_bytes = sent.count;
  reply.stream = [file, sent, this](http::BodyWriter& out) { return send_part(file, sent, workers_, out); };
  co_return reply;
}

}  // namespace octo::nameserver
