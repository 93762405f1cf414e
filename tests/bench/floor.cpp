// The least that one delivered packet can cost on this machine: protect 1,200 bytes with AEAD_AES_128_GCM and
// send them over loopback in UDP_SEGMENT runs; and with AES_CM_128_HMAC_SHA1_80. CPU time, JSON.
#include <time.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "daemon/base/datagram.h"
#include "platform/crypto/srtp.h"
#include "platform/crypto/system_entropy.h"
#include "platform/loop/loop.h"
#include "platform/net/udp_socket.h"

namespace latchkey::bench {
namespace {

constexpr std::size_t kPacket = 1200;
constexpr std::size_t kRun = 40;
constexpr int kRuns = 1500;

double CpuMicroseconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

double PerPacket(ports::SrtpProfile profile, platform::UdpSocket& socket, const SocketAddress& sink) {
  platform::SystemEntropy entropy;
  platform::LibSrtpFactory factory;
  ports::SrtpKey key;
  key.profile = profile;
  entropy.Fill(key.key_and_salt.RevealForWriting());
  auto sender = factory.MakeSender(key);
  if (!sender) return -1;
  DatagramBatch batch;
  std::uint16_t sequence = 0;
  const double began = CpuMicroseconds();
  for (int run = 0; run < kRuns; ++run) {
    for (std::size_t i = 0; i < kRun; ++i) {
      MutableByteView out = batch.Append(sink, {}, kPacket + ports::kSrtpMaxOverhead);
      ByteWriter header(out);
      header.U8(0x80);
      header.U8(96);
      header.U16(sequence++);
      header.U32(0);
      header.U32(1);
      batch.TrimLast((*sender)->ProtectRtp(out, kPacket));
    }
    socket.Send(batch);
    batch.Clear();
  }
  return (CpuMicroseconds() - began) / (kRuns * static_cast<double>(kRun));
}

int Main() {
  platform::Loop loop;
  const SocketAddress any{IpAddress::V4({127, 0, 0, 1}), 0};
  auto sink = platform::UdpSocket::Bind(loop, {.bind = any});
  auto source = platform::UdpSocket::Bind(loop, {.bind = any});
  if (!sink || !source) {
    std::fprintf(stderr, "floor: no sockets\n");
    return 1;
  }
  nlohmann::json out;
  out["protect_and_send_us"] = {
      {"aead_aes_128_gcm", PerPacket(ports::SrtpProfile::kAeadAes128Gcm, **source, (*sink)->local())},
      {"aes_cm_128_hmac_sha1_80",
       PerPacket(ports::SrtpProfile::kAes128CmHmacSha1_80, **source, (*sink)->local())}};
  std::printf("%s\n", out.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace latchkey::bench

int main() {
  return latchkey::bench::Main();
}
