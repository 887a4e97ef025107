// SPDX-License-Identifier: MIT
// libFuzzer target: whatever an operator's connection brings, the Brain's real HTTP server and doors answer
// it or hang up, hang nowhere, and let nothing through that is not what it says. The first byte says in how
// many pieces the bytes come; "Bearer T" stands for a token that counts.
#include <cstdint>

#include "async/event.hpp"
#include "brain/doors/doors.hpp"
#include "io/crypto/crypto.hpp"
#include "quiet_brain.hpp"

namespace octo::brain {
namespace {

// Nothing ever takes long here: who waits for the clock is cancelled or waits for ever, which is a fault.
class StillClock final : public Clock {
 public:
  Instant now() const override { return Instant(12h); }
  WallTime wall() const override { return WallTime(1'700'000'000s); }
  Async<void> sleep_until(Instant) override {
    Event never(co_await asio::this_coro::executor);
    while (true) co_await never.wait();
  }
};

struct Conversation {
  Bytes in;
  std::size_t piece = 1;
  Bytes out;
  bool over = false;
};

class CutStream final : public net::Stream {
 public:
  explicit CutStream(Conversation& of) : of_(of) {
    peer_.address = {"192.0.2.1", 4711};
    peer_.identity = crypto::Identity{"net", crypto::Role::client, "ann"};
  }
  ~CutStream() override { of_.over = true; }
  Async<Result<std::size_t>> read_some(std::span<char> into) override {
    const std::size_t count = std::min({into.size(), of_.in.size(), of_.piece});
    std::copy_n(of_.in.begin(), count, into.begin());
    of_.in.erase(0, count);
    co_return count;
  }
  Async<Result<void>> write(BytesView bytes) override {
    of_.out += bytes;
    co_return Result<void>{};
  }
  void close() override { of_.over = true; }
  const net::Peer& peer() const override { return peer_; }

 private:
  Conversation& of_;
  net::Peer peer_;
};

class OneConnection final : public net::Listener {
 public:
  explicit OneConnection(std::unique_ptr<net::Stream> stream) : stream_(std::move(stream)) {}
  Async<Result<std::unique_ptr<net::Stream>>> accept() override {
    if (stream_) co_return std::move(stream_);
    Event never(co_await asio::this_coro::executor);
    while (true) co_await never.wait();
  }
  net::Endpoint address() const override { return {}; }
  void close() override {}

 private:
  std::unique_ptr<net::Stream> stream_;
};

struct World {
  StillClock clock;
  InlineWorkers workers;
  QuietLedger ledger;
  NoBlobs blobs;
  QuietFleet fleet;
  QuietVerbs verbs;
  // No password fits a hash that is none, and quickly so.
  Gate gate{{"brain", "none", Secret(std::string(32, 'k'))}, workers, clock};
  Doors doors{{verbs, fleet, ledger, blobs, gate, clock,
               []() -> Async<Result<HostStatus>> { co_return HostStatus{}; },
               [](const LogQuestion&) -> Async<Result<NextLines>> {
                 co_return NextLines([]() -> Async<Result<std::vector<std::string>>> {
                   co_return std::vector<std::string>();
                 });
               }},
              {"brain", "2", "192.0.2.2:1"}};
};

// As Gate makes it for ann, until the year 2255.
std::string make_token() {
  const std::string key = print_hex(crypto::hmac_sha256(std::string(32, 'k'), "tokens of none"));
  const std::string claims = fmt::format("o1.{}.{}.9000000000", print_base64(""), print_base64("ann"));
  return claims + "." + print_hex(crypto::hmac_sha256(key, claims));
}

// Every answer has a head as HTTP wants it; a body may hold anything, so only the first is looked at.
void check_answers(BytesView out) {
  if (out.empty()) return;
  if (out.starts_with("HTTP/1.1 100 Continue\r\n\r\n")) out.remove_prefix(25);
  if (out.empty()) return;
  require(out.starts_with("HTTP/1.1 "));
  const std::size_t end = out.find("\r\n\r\n");
  require(end != BytesView::npos);
  const auto status = parse_number(out.substr(9, 3));
  require(status && *status >= 200 && *status < 600);
  // 500 says that the fault is ours.
  require(*status != 500);
  for (const std::string& line : split(out.substr(0, end), '\n'))
    require(line.find('\r') == std::string::npos || line.find('\r') + 1 == line.size());
}

void judge(BytesView bytes, std::size_t piece) {
  static World world;
  static const std::string kToken = make_token();
  static const bool counts = world.gate.check("Bearer " + kToken, "ann").has_value();
  require(counts);
  constexpr std::string_view kMark = "Bearer T";
  Conversation talk{Bytes(bytes), piece, {}, false};
  for (std::size_t at = 0; (at = talk.in.find(kMark, at)) != Bytes::npos; at += kToken.size())
    talk.in.replace(at + kMark.size() - 1, 1, kToken);
  asio::io_context loop;
  Nursery nursery(loop.get_executor());
  OneConnection listener(std::make_unique<CutStream>(talk));
  nursery.spawn(http::serve(listener, world.doors, world.clock));
  loop.poll();
  require(talk.over);
  check_answers(talk.out);
  nursery.cancel();
  loop.restart();
  loop.run();
}

}  // namespace
}  // namespace octo::brain

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t pieces = 1 + data[0] % 8;  // each is waited for with a deadline, which is what takes time
  octo::brain::judge({reinterpret_cast<const char*>(data) + 1, size - 1}, 1 + size / pieces);
  return 0;
}
