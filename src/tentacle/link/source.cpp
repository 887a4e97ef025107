// SPDX-License-Identifier: MIT
// Manifests and chunks from the Brain. What comes is checked against the hash that was asked for.
#include "async/deadline.hpp"
#include "domain/limits.hpp"
#include "io/crypto/crypto.hpp"
#include "tentacle/link/session.hpp"

namespace octo::tentacle {

namespace {

constexpr Span kBlobWithin = 60s;     // one part of at most 512 KiB, on the worst link we promise for
constexpr std::size_t kAtOnce = 256;  // hashes of one question: 8 KiB

// The next part, or nothing when the Brain has finished.
Async<Result<std::optional<Bytes>>> next_part(link::Channel& channel, Clock& clock) {
  auto bytes = OCTO_CO_TRY(co_await with_deadline(clock, kBlobWithin, channel.receive()));
  if (!bytes) co_return std::nullopt;
  auto message = OCTO_CO_TRY(wire::decode_from_brain(*bytes));
  if (const auto* failed = std::get_if<wire::Failed>(&message)) co_return fail(failed->error);
  auto* blob = std::get_if<wire::Blob>(&message);
  if (blob == nullptr)
    co_return fail(ErrorCode::invalid_argument, "the Brain sent something else than a blob");
  co_return std::move(blob->bytes);
}

}  // namespace

Async<Result<link::Channel>> LinkSource::ask(Bytes question) {
  link::Link* link = alive_();
  if (link == nullptr) co_return fail(ErrorCode::unavailable, "the session that asked for this is over");
  auto channel = OCTO_CO_TRY(link->open(wire::Priority::bulk));
  OCTO_CO_TRY(co_await channel.send(std::move(question)));
  channel.close();
  co_return std::move(channel);
}

Async<Result<Manifest>> LinkSource::manifest(const Sha256& hash) {
  auto channel = OCTO_CO_TRY(co_await ask(wire::encode(wire::FromNode(wire::AskManifest{hash}))));
  Bytes whole;
  while (auto part = OCTO_CO_TRY(co_await next_part(channel, clock_))) {
    if (whole.size() + part->size() > limits::manifest_bytes_max) {
      co_return fail(ErrorCode::too_large, "manifest {} is over {} bytes", print_hex(hash),
                     limits::manifest_bytes_max);
    }
    whole += *part;
  }
  if (crypto::sha256(whole) != hash)
    co_return fail(ErrorCode::corrupt, "manifest {} does not fit its hash", print_hex(hash));
  co_return decode_manifest(whole);
}

Async<Result<void>> LinkSource::chunks(const std::vector<Sha256>& hashes,
                                       std::function<Result<void>(const Sha256&, BytesView)> sink) {
  for (std::size_t begin = 0; begin < hashes.size(); begin += kAtOnce) {
    const std::size_t end = std::min(hashes.size(), begin + kAtOnce);
    const std::vector<Sha256> some(hashes.begin() + static_cast<std::ptrdiff_t>(begin),
                                   hashes.begin() + static_cast<std::ptrdiff_t>(end));
    auto channel = OCTO_CO_TRY(co_await ask(wire::encode(wire::FromNode(wire::AskChunks{some}))));
    for (const Sha256& hash : some) {
      auto part = OCTO_CO_TRY(co_await next_part(channel, clock_));
      if (!part)
        co_return fail(ErrorCode::unavailable, "the Brain ended the transfer at chunk {}", print_hex(hash));
      if (crypto::sha256(*part) != hash)
        co_return fail(ErrorCode::corrupt, "chunk {} does not fit its hash", print_hex(hash));
      OCTO_CO_TRY(sink(hash, *part));
    }
  }
  co_return Result<void>{};
}

}  // namespace octo::tentacle
