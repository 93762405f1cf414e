// An impaired UDP leg as a process of its own, between any client and any server of this machine, so that
// neither end impairs itself and each keeps its own CPU time and clock.
//
//   client ── listening port ── [to_server] ── one socket for each client ── server
//                               [to_client]
//
// Prints one JSON object a line. First {"port": N}; then one for each line of its input:
//   reserve ADDRESS                               the port there that the first client will be seen at
//   upstream ADDRESS PORT                         where the server is, IPv4, on this machine
//   impair {"to_server": {…}, "to_client": {…}}   relay_direction.h says what; a direction left out is clear
//   stats                                         {"to_server": {…}, "to_client": {…}}
// It ends when its input ends.
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/relay_direction.h"
#include "tests/bench/stamped_socket.h"

namespace latchkey::bench {
namespace {

// Clients of one relay; the datagrams of more are dropped.
constexpr std::size_t kMaxClients = 64;
constexpr std::size_t kMaxLine = 64 * 1024;

void Say(const nlohmann::json& json) {
  std::printf("%s\n", json.dump().c_str());
  std::fflush(stdout);
}

[[noreturn]] void GiveUp(const std::string& why) {
  std::fprintf(stderr, "relay: %s\n", why.c_str());
  std::exit(2);
}

class Relay {
 public:
  // Until the input ends.
  void Run() {
    Say({{"port", front_.local().port}});
    while (!ended_) {
      Wait();
      ReadSockets();
      Release();
    }
  }

 private:
  void Wait() {
    std::vector<pollfd> watched{{STDIN_FILENO, POLLIN, 0}, {front_.fd(), POLLIN, 0}};
    for (const auto& [client, socket] : clients_) watched.push_back({socket->fd(), POLLIN, 0});
    std::optional<Instant> next = to_server_.NextTimeout();
    if (const auto other = to_client_.NextTimeout(); other && (!next || *other < *next)) next = other;
    timespec pause{};
    if (next) {
      const Duration left = std::max(Duration{0}, *next - MonotonicNow());
      pause = {static_cast<time_t>(left / seconds{1}), static_cast<long>((left % seconds{1}).count())};
    }
    if (ppoll(watched.data(), watched.size(), next ? &pause : nullptr, nullptr) < 0) return;
    if (watched[0].revents != 0) ReadInput();
  }

  void ReadSockets() {
    const auto from_client = [this](const SocketAddress& from, MutableByteView bytes, Instant arrived) {
      if (server_.port == 0 || !SocketOf(from)) return;
      to_server_.Offer(arrived, from, bytes);
    };
    while (front_.Receive(from_client)) Release();
    for (const auto& entry : clients_) {
      const auto from_server = [&](const SocketAddress& from, MutableByteView bytes, Instant arrived) {
        if (from == server_) to_client_.Offer(arrived, entry.first, bytes);
      };
      while (entry.second->Receive(from_server)) Release();
    }
  }

  StampedSocket* SocketOf(const SocketAddress& client) {
    auto it = clients_.find(client);
    if (it == clients_.end() && clients_.size() < kMaxClients) {
      if (!reserved_) reserved_ = std::make_unique<StampedSocket>(server_.ip);
      it = clients_.emplace(client, std::move(reserved_)).first;
    }
    return it == clients_.end() ? nullptr : it->second.get();
  }

  void Release() {
    while (const auto released = to_server_.Poll(MonotonicNow())) {
      clients_.at(released->address)->Send(server_, released->bytes);
    }
    while (const auto released = to_client_.Poll(MonotonicNow())) {
      front_.Send(released->address, released->bytes);
    }
  }

  void ReadInput() {
    std::array<char, 4096> part{};
    const ssize_t size = read(STDIN_FILENO, part.data(), part.size());
    if (size <= 0) {
      ended_ = true;
      return;
    }
    input_.append(part.data(), static_cast<std::size_t>(size));
    for (std::size_t end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
      Obey(std::string_view(input_).substr(0, end));
      input_.erase(0, end + 1);
    }
    if (input_.size() > kMaxLine) GiveUp("a line of the input is too long");
  }

  void Obey(std::string_view line) {
    const std::string_view word = line.substr(0, line.find(' '));
    const std::string rest(line.substr(std::min(line.size(), word.size() + 1)));
    if (word == "upstream") {
      const std::size_t space = std::min(rest.find(' '), rest.size());
      const auto ip = IpAddress::Parse(rest.substr(0, space));
      const long port = std::strtol(rest.c_str() + space, nullptr, 10);
      if (!ip || !ip->is_v4() || port <= 0 || port > 0xffff) GiveUp("not an address: " + rest);
      server_ = {*ip, static_cast<std::uint16_t>(port)};
      Say({{"upstream", server_.ToString()}});
    } else if (word == "reserve") {
      const auto ip = IpAddress::Parse(rest);
      if (!ip || !ip->is_v4()) GiveUp("not an address: " + rest);
      reserved_ = std::make_unique<StampedSocket>(*ip);
      Say({{"reserved", reserved_->local().port}});
    } else if (word == "impair") {
      Impair(rest);
    } else if (word == "stats") {
      Say({{"to_server", to_server_.TakeReport()}, {"to_client", to_client_.TakeReport()}});
    } else {
      GiveUp("not a command: " + std::string(line));
    }
  }

  void Impair(const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) GiveUp("not a JSON object: " + text);
    const auto options = [&](const char* direction) {
      auto read = ReadImpairOptions(json.value(direction, nlohmann::json::object()));
      if (!read) GiveUp(read.error().message);
      return *read;
    };
    to_server_.Change(options("to_server"));
    to_client_.Change(options("to_client"));
    Say({{"impaired", json}});
  }

  StampedSocket front_;
  SocketAddress server_;  // port 0: not told yet
  std::map<SocketAddress, std::unique_ptr<StampedSocket>> clients_;
  std::unique_ptr<StampedSocket> reserved_;  // for the next client
  RelayDirection to_server_;
  RelayDirection to_client_;
  std::string input_;
  bool ended_ = false;
};

}  // namespace
}  // namespace latchkey::bench

int main() {
  // Timers to the microsecond: the default slack of 50 us would be seen beside a hub's delay.
  (void)prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
  latchkey::bench::Relay relay;
  relay.Run();
  return 0;
}
