// Attempts to go round a check. LATCHKEY_CASE says which one this compilation holds; see CMakeLists.txt.
#include "daemon/access/grant.h"
#include "daemon/cache/sealed_frame.h"
#include "daemon/gate/gate.h"

namespace latchkey {

void Attempt(ports::Crypto& crypto, access::Grant grant, cache::SealKey& seal, cache::OpenKey& open,
             frames::PlainFrame frame, cache::OpenBuffer& buffer, wire::RtcpCompound compound,
             ports::SrtpKey srtp_key, Secret32 content_key) {
#if LATCHKEY_CASE == 0
  cache::OpenKey key(crypto, std::move(grant));
  (void)key.Open(seal.Seal(std::move(frame)), buffer);
#elif LATCHKEY_CASE == 1
  gate::AuthenticPacket packet;
#elif LATCHKEY_CASE == 2
  gate::AuthenticRtcp packet(compound, 1, Instant{});
#elif LATCHKEY_CASE == 3
  gate::StreamKey key(std::move(srtp_key));
#elif LATCHKEY_CASE == 4
  access::Grant forged(access::WrapContext{}, std::move(content_key));
#elif LATCHKEY_CASE == 5
  cache::OpenKey key(crypto, std::move(content_key));
#elif LATCHKEY_CASE == 6
  cache::OpenKey key(crypto, grant);
#elif LATCHKEY_CASE == 7
  cache::SealedFrame forged(frames::FrameHeader{}, ByteVector{});
#elif LATCHKEY_CASE == 8
  (void)seal.Open(frame, buffer);
#elif LATCHKEY_CASE == 9
  (void)open.Seal(std::move(frame));
#elif LATCHKEY_CASE == 10
  frames::PlainFrame copy = frame;
#else
#error "no such case"
#endif
}

}  // namespace latchkey
