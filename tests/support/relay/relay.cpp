// SPDX-License-Identifier: MIT
// Poor links for tests: namespaces of its own, joined by TUN devices between which it carries IPv4 packets,
// later or never. Needs root (CAP_NET_ADMIN, CAP_SYS_ADMIN); touches no network that was there before.
//
//     octo_relay SEED LINKS
//
// There is one near namespace, where the Brain is, and one far namespace for each link; a link is a pair of
// devices. The near side has the address 10.77.0.1, the far side of link i (from 0) 10.77.1.(i+1). It says
// once
//
//     ready near=/proc/PID/fd/N far0=/proc/PID/fd/N far1=…
//
// (enter one with `nsenter --net=PATH`; all are gone once the relay and whoever entered them have ended), and
// then answers each line of its standard input with one line. It ends with its input.
//
//     LINK [up|down] WORD…     LINK is a number or `all`; up is from far to near; without a direction: both
//         delay MS · extra MS (added to the delay) · jitter MS (up to so much more) · loss PERCENT ·
//         reorder PERCENT · rate MBIT (0: no limit) · queue KIB (that wait for the rate) · cut · heal ·
//         clear (as it was in the beginning)
//     counters                 JSON: {"links": [{"up": {"taken": …}, "down": {…}}, …]}
//
// `0 up delay 150 loss 5 down rate 1` is answered with `ok`; what cannot be understood with `error: …`, and
// then nothing of the line has been done.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "line.hpp"

namespace octo::relay {
namespace {

constexpr int kLinksMax = 200;
constexpr std::size_t kPacketBytesMax = 2048;  // above the devices' MTU of 1500
constexpr int kPacketsAtOnce = 64;             // of one device, before the others have their turn

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "octo_relay: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

int sure(int result, const std::string& what) {
  if (result < 0) die(what);
  return result;
}

// --- namespaces and devices ---

int open_namespace() {
  return sure(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "open the network namespace");
}

class Settings {
 public:
  explicit Settings(const std::string& device)
      : socket_(sure(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "open a socket")), device_(device) {}
  ~Settings() { ::close(socket_); }

  void address(unsigned long which, const std::string& ip) {
    ifreq request = make();
    sockaddr_in at{};
    at.sin_family = AF_INET;
    ::inet_pton(AF_INET, ip.c_str(), &at.sin_addr);
    std::memcpy(&request.ifr_addr, &at, sizeof at);
    sure(::ioctl(socket_, which, &request), "give " + device_ + " the address " + ip);
  }
  void up() {
    ifreq request = make();
    sure(::ioctl(socket_, SIOCGIFFLAGS, &request), "read the flags of " + device_);
    request.ifr_flags |= IFF_UP;
    sure(::ioctl(socket_, SIOCSIFFLAGS, &request), "set " + device_ + " up");
  }

 private:
  ifreq make() const {
    ifreq request{};
    std::strncpy(request.ifr_name, device_.c_str(), IFNAMSIZ - 1);
    return request;
  }
  int socket_;
  std::string device_;
};

int make_namespace() {
  sure(::unshare(CLONE_NEWNET), "make a network namespace (root is needed)");
  Settings("lo").up();
  return open_namespace();
}

// In the present namespace.
int make_device(const std::string& name, const std::string& own, const std::string& other) {
  const int device = sure(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), "open /dev/net/tun");
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  sure(::ioctl(device, TUNSETIFF, &request), "make the device " + name);
  Settings settings(name);
  settings.address(SIOCSIFADDR, own);
  settings.address(SIOCSIFDSTADDR, other);
  settings.up();
  return device;
}

struct Link {
  explicit Link(std::uint64_t seed) : up(seed), down(~seed) {}
  int near = -1, far = -1;  // devices
  Line up, down;
};

std::vector<Link> make_links(int count, std::uint64_t seed) {
  const int home = open_namespace();
  const std::string near_address = "10.77.0.1";
  const auto far_address = [](int i) { return "10.77.1." + std::to_string(i + 1); };
  std::vector<Link> links;
  std::ostringstream ready;
  const auto path = [](int fd) {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd);
  };
  ready << "ready near=" << path(make_namespace());
  for (int i = 0; i < count; ++i) {
    links.emplace_back(seed * 1000 + static_cast<std::uint64_t>(i));
    links.back().near = make_device("far" + std::to_string(i), near_address, far_address(i));
  }
  for (int i = 0; i < count; ++i) {
    ready << " far" << i << "=" << path(make_namespace());
    links[static_cast<std::size_t>(i)].far = make_device("near", far_address(i), near_address);
  }
  sure(::setns(home, CLONE_NEWNET), "return to the first network namespace");
  std::printf("%s\n", ready.str().c_str());
  std::fflush(stdout);
  return links;
}

// --- what it is told ---

std::optional<double> parse(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !(number >= 0) || number > 1e9)
    return std::nullopt;
  return number;
}

// What one word of a line, with its number if it has one, does to the directions that are meant.
struct Change {
  bool up, down;
  std::string word;
  double value;
};

bool apply(const Change& change, Weather& weather) {
  const auto& [up, down, word, value] = change;
  const auto span = std::chrono::duration_cast<Span>(std::chrono::duration<double, std::milli>(value));
  if (word == "cut" || word == "heal") weather.cut = word == "cut";
  else if (word == "clear") weather = Weather();
  else if (word == "delay") weather.delay = span;
  else if (word == "extra") weather.extra = span;
  else if (word == "jitter") weather.jitter = span;
  else if (word == "loss") weather.loss = value / 100;
  else if (word == "reorder") weather.reorder = value / 100;
  else if (word == "rate") weather.rate = value * 1e6;
  else if (word == "queue") weather.queue = static_cast<std::size_t>(value * 1024);
  else return false;
  return true;
}

// The changes, or in `wrong` what cannot be understood.
std::vector<Change> parse_changes(std::istringstream& words, std::string& wrong) {
  std::vector<Change> changes;
  bool up = true, down = true;
  for (std::string word; words >> word;) {
    if (word == "up" || word == "down") {
      up = word == "up";
      down = word == "down";
      continue;
    }
    std::optional<double> value = 0;
    if (word != "cut" && word != "heal" && word != "clear") {
      std::string text;
      words >> text;
      value = parse(text);
      if (!value) wrong = word + " wants a number, not '" + text + "'";
    }
    Weather unused;
    changes.push_back({up, down, word, value.value_or(0)});
    if (!apply(changes.back(), unused)) wrong = "no word '" + word + "'";
    if (!wrong.empty()) break;
  }
  return changes;
}

std::string set_weather(std::vector<Link>& links, const std::string& which, std::istringstream& words) {
  std::size_t first = 0, last = links.size();
  if (which != "all") {
    const auto number = parse(which);
    if (!number || *number >= static_cast<double>(links.size())) return "error: no link '" + which + "'";
    first = static_cast<std::size_t>(*number);
    last = first + 1;
  }
  std::string wrong;
  const auto changes = parse_changes(words, wrong);
  if (!wrong.empty()) return "error: " + wrong;
  for (std::size_t i = first; i < last; ++i) {
    Weather up = links[i].up.weather(), down = links[i].down.weather();
    for (const Change& change : changes) {
      if (change.up) apply(change, up);
      if (change.down) apply(change, down);
    }
    links[i].up.set(up);
    links[i].down.set(down);
  }
  return "ok";
}

std::string print(const Counters& counters) {
  std::ostringstream out;
  out << "{\"taken\": " << counters.taken << ", \"delivered\": " << counters.delivered
      << ", \"bytes\": " << counters.bytes << ", \"lost\": " << counters.lost << ", \"cut\": " << counters.cut
      << ", \"full\": " << counters.full << ", \"overtaken\": " << counters.overtaken << "}";
  return out.str();
}

std::string answer(std::vector<Link>& links, const std::string& line) {
  std::istringstream words(line);
  std::string first;
  words >> first;
  if (first != "counters") return set_weather(links, first, words);
  std::string out;
  for (const Link& link : links) {
    out += std::string(out.empty() ? "" : ", ") + "{\"up\": " + print(link.up.counters()) +
           ", \"down\": " + print(link.down.counters()) + "}";
  }
  return "{\"links\": [" + out + "]}";
}

// --- what it does ---

void take_packets(int device, Line& line, Time now) {
  std::array<char, kPacketBytesMax> packet;
  for (int i = 0; i < kPacketsAtOnce; ++i) {
    const ssize_t got = ::read(device, packet.data(), packet.size());
    if (got <= 0) return;
    // The kernel's own IPv6 chatter would shift the seed's decisions.
    if ((static_cast<unsigned char>(packet[0]) >> 4) != 4) continue;
    line.put(Bytes(packet.data(), static_cast<std::size_t>(got)), now);
  }
}

void deliver(Line& line, int device, Time now) {
  while (const auto packet = line.take(now)) {
    // A device that cannot take it is a link that loses it.
    if (::write(device, packet->data(), packet->size()) < 0 && errno != EAGAIN && errno != EIO &&
        errno != ENOBUFS)
      die("write a packet");
  }
}

// False at the end of the input.
bool take_lines(std::vector<Link>& links, std::string& input) {
  std::array<char, 4096> buffer;
  const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (got <= 0) return false;
  input.append(buffer.data(), static_cast<std::size_t>(got));
  for (std::size_t end; (end = input.find('\n')) != std::string::npos; input.erase(0, end + 1)) {
    std::printf("%s\n", answer(links, input.substr(0, end)).c_str());
    std::fflush(stdout);
  }
  return true;
}

void wait(std::vector<pollfd>& polled, const std::vector<Link>& links) {
  std::optional<Time> due;
  for (const Link& link : links) {
    for (const auto& next : {link.up.due(), link.down.due()}) {
      if (next && (!due || *next < *due)) due = next;
    }
  }
  timespec timeout{};
  if (due) {
    const Span rest = std::max(Span::zero(), *due - std::chrono::steady_clock::now());
    timeout = {rest / std::chrono::seconds(1), (rest % std::chrono::seconds(1)).count()};
  }
  if (::ppoll(polled.data(), polled.size(), due ? &timeout : nullptr, nullptr) < 0 && errno != EINTR)
    die("poll");
}

void carry(std::vector<Link>& links) {
  std::vector<pollfd> polled{{STDIN_FILENO, POLLIN, 0}};
  for (const Link& link : links) {
    polled.push_back({link.near, POLLIN, 0});
    polled.push_back({link.far, POLLIN, 0});
  }
  std::string input;
  while (true) {
    wait(polled, links);
    if (polled[0].revents != 0 && !take_lines(links, input)) return;
    const Time now = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < links.size(); ++i) {
      Link& link = links[i];
      if (polled[1 + 2 * i].revents != 0) take_packets(link.near, link.down, now);
      if (polled[2 + 2 * i].revents != 0) take_packets(link.far, link.up, now);
      deliver(link.up, link.near, now);
      deliver(link.down, link.far, now);
    }
  }
}

}  // namespace
}  // namespace octo::relay

int main(int argc, char** argv) {
  const auto seed = argc == 3 ? octo::relay::parse(argv[1]) : std::nullopt;
  const auto count = argc == 3 ? octo::relay::parse(argv[2]) : std::nullopt;
  if (!seed || !count || *count < 1 || *count > octo::relay::kLinksMax) {
    std::fprintf(stderr, "usage: octo_relay SEED LINKS   (1 to %d links)\n", octo::relay::kLinksMax);
    return 2;
  }
  auto links = octo::relay::make_links(static_cast<int>(*count), static_cast<std::uint64_t>(*seed));
  octo::relay::carry(links);
}
