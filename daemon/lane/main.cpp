// latchkey-lane: one camera's packets, cache and viewers in one process. The only file of the lane that
// touches the world; everything it does is carried to lane::Lane and back.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/version.h"
#include "daemon/lane/lane.h"
#include "daemon/wire/ipc_messages.h"
#include "daemon/wire/sdp_media.h"
#include "platform/crypto/dtls.h"
#include "platform/crypto/openssl_crypto.h"
#include "platform/crypto/secure_heap.h"
#include "platform/crypto/srtp.h"
#include "platform/crypto/system_entropy.h"
#include "platform/loop/loop.h"
#include "platform/loop/timer.h"
#include "platform/memory/memory.h"
#include "platform/net/local_addresses.h"
#include "platform/net/udp_socket.h"
#include "platform/process/child_process.h"
#include "platform/process/ipc_channel.h"

namespace latchkey {
namespace {

constexpr int kExitUsage = 2;
constexpr int kExitFailed = 1;
// Turns of the lane in one wake-up. What is still due then waits for the loop's next round, behind
// whatever arrived meanwhile.
constexpr int kTurnsPerWakeUp = 16;

constexpr const char* kUsage =
    "usage: latchkey-lane --udp-port N --address IP [--address IP...]\n"
    "  Started by latchkeyd, with its channel on descriptor 3. N 0: the system chooses.\n"
    "  An address of 0.0.0.0 or :: stands for all of this machine's.\n";

struct Arguments {
  std::uint16_t udp_port = 0;
  std::vector<IpAddress> addresses;
};

std::optional<Arguments> ParseArguments(int argc, char** argv) {
  Arguments arguments;
  bool has_port = false;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    if (name == "--udp-port" && !has_port) {
      const auto port = wire::ParseSdpNumber(value, 65535);
      if (!port) return std::nullopt;
      arguments.udp_port = static_cast<std::uint16_t>(*port);
      has_port = true;
    } else if (name == "--address") {
      const auto address = IpAddress::Parse(value);
      if (!address) return std::nullopt;
      arguments.addresses.push_back(*address);
    } else {
      return std::nullopt;
    }
  }
  if (argc % 2 == 0 || !has_port || arguments.addresses.empty()) return std::nullopt;
  return arguments;
}

int Fail(std::string_view what, const std::string& why) {
  std::fprintf(stderr, "latchkey-lane: %.*s: %s\n", static_cast<int>(what.size()), what.data(), why.c_str());
  return kExitFailed;
}

struct Bound {
  std::unique_ptr<platform::UdpSocket> socket;
  lane::Reach reach;
};

// Several addresses have one socket, which hears all of them: the lane tells them apart.
Result<Bound> Bind(platform::Loop& loop, const Arguments& arguments) {
  const bool one = arguments.addresses.size() == 1;
  const bool all = one && arguments.addresses[0].IsUnspecified();
  platform::UdpOptions options;
  options.bind = {one ? arguments.addresses[0] : IpAddress::V6({}), arguments.udp_port};
  auto socket = platform::UdpSocket::Bind(loop, options);
  if (!socket && !one) {
    // A machine without IPv6.
    options.bind.ip = IpAddress();
    socket = platform::UdpSocket::Bind(loop, options);
  }
  if (!socket) return tl::unexpected<Error>(socket.error());
  Bound bound;
  bound.socket = std::move(*socket);
  bound.reach.everywhere = all;
  const std::uint16_t port = bound.socket->local().port;
  for (const IpAddress& ip : all ? platform::LocalAddresses(false) : arguments.addresses) {
    bound.reach.candidates.push_back({ip, port});
  }
  return bound;
}

class Program {
 public:
  Program(platform::Loop& loop, lane::LanePorts ports, const Arguments& arguments, platform::UniqueFd channel)
      : loop_(loop),
        ports_(ports),
        arguments_(arguments),
        timer_(loop, [this] { OnTimer(); }),
        channel_(
            loop, std::move(channel),
            {[this](ByteView record) { OnRecord(record); }, [this](platform::ChannelEnd) { loop_.Stop(); }}) {
  }

  [[nodiscard]] int exit_code() const { return exit_code_; }

 private:
  void OnRecord(ByteView record) {
    auto message = wire::DecodeIpc<wire::KeeperToLane>(record);
    // The keeper is trusted; a record that is none of the table's is another version of it.
    if (!message)
      return End(Fail("channel", "a record that is none of this version's; are all programs of one build?"));
    if (lane_) {
      lane_->HandleMessage(std::move(*message), loop_.Now(), loop_.WallNow());
      return Flush();
    }
    if (const auto* config = std::get_if<wire::LaneConfig>(&*message)) return Begin(*config);
    if (std::holds_alternative<wire::Shutdown>(*message)) return End(0);
    End(Fail("channel", "the first message was not the lane's configuration"));
  }

  void Begin(const wire::LaneConfig& config) {
    auto bound = Bind(loop_, arguments_);
    if (!bound) return End(Fail("UDP", bound.error().message));
    socket_ = std::move(bound->socket);
    const std::uint16_t port = socket_->local().port;
    lane_ = std::make_unique<lane::Lane>(config, std::move(bound->reach), ports_, loop_.Now());
    socket_->StartReceiving([this](std::span<const ReceivedDatagram> datagrams) {
      lane_->HandleDatagrams(datagrams, loop_.Now(), loop_.WallNow());
      Flush();
    });
    wire::LaneReady ready;
    ready.udp_port = port;
    (void)channel_.Send(wire::EncodeIpc(ready));
    Flush();
  }

  void OnTimer() {
    lane_->HandleTimeout(loop_.Now(), loop_.WallNow());
    Flush();
  }

  // Carries out what the lane wants, and gives it further turns while it has more.
  void Flush() {
    for (int turn = 0;; ++turn) {
      for (const SocketAddress& to : lane_->TakeSilenced()) socket_->DropQueuedTo(to);
      if (!lane_->datagrams().empty()) socket_->Send(lane_->datagrams());
      lane_->DatagramsSent(loop_.Now());
      for (const wire::LaneToKeeper& message : lane_->TakeMessages()) {
        (void)channel_.Send(wire::EncodeIpcVariant(message));
      }
      if (lane_->finished()) return End(0);
      const auto now = loop_.Now();
      if (lane_->NextDeadline() > now || turn == kTurnsPerWakeUp) break;
      lane_->HandleTimeout(now, loop_.WallNow());
    }
    timer_.StartAt(lane_->NextDeadline());
  }

  void End(int code) {
    exit_code_ = code;
    if (socket_) socket_->StopReceiving();
    timer_.Stop();
    loop_.Stop();
  }

  platform::Loop& loop_;
  lane::LanePorts ports_;
  Arguments arguments_;
  std::unique_ptr<lane::Lane> lane_;
  std::unique_ptr<platform::UdpSocket> socket_;
  platform::Timer timer_;
  platform::IpcChannel channel_;
  int exit_code_ = 0;
};

int Run(int argc, char** argv) {
  platform::TuneAllocator();
  (void)platform::HardenProcess();
  (void)platform::OpenSecureHeap();
  const auto arguments = ParseArguments(argc, argv);
  if (!arguments) {
    std::fputs(kUsage, stderr);
    return kExitUsage;
  }
  // The keeper decides when a lane ends; a Ctrl-C in its terminal reaches this process too.
  (void)std::signal(SIGINT, SIG_IGN);
  (void)std::signal(SIGTERM, SIG_IGN);
  (void)std::signal(SIGPIPE, SIG_IGN);
  auto channel = platform::InheritedChannel();
  if (!channel) return Fail("descriptor 3", channel.error().message);
  if (const auto warm = platform::WarmUpSrtp(); !warm) return Fail("SRTP", warm.error().message);
  platform::SystemEntropy entropy;
  platform::OpenSslCrypto crypto;
  platform::LibSrtpFactory srtp;
  auto dtls = platform::OpenSslDtlsFactory::Create(entropy);
  if (!dtls) return Fail("DTLS", dtls.error().message);
  platform::Loop loop;
  Program program(loop, {crypto, entropy, **dtls, srtp}, *arguments, std::move(*channel));
  loop.Run();
  return program.exit_code();
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--version") {
    (void)std::printf("%s\n", latchkey::VersionLine("latchkey-lane").c_str());
    return EXIT_SUCCESS;
  }
  return latchkey::Run(argc, argv);
}
