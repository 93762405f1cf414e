#include "tests/sim/cheap_srtp.h"

#include <algorithm>
#include <bitset>
#include <vector>

#include "daemon/base/seq.h"
#include "daemon/wire/rtp.h"
#include "tests/sim/mixing.h"
#include "tests/sim/violation.h"

namespace latchkey::sim {
namespace {

constexpr std::size_t kTag = 16;
constexpr std::size_t kIndex = 4;       // of RTCP, in front of its tag
constexpr std::int64_t kWindow = 2048;  // as platform/crypto/srtp.h
constexpr std::int64_t kRemembered = 1024;

Mixing Keyed(const ports::SrtpKey& key) {
  Mixing mixing(6);
  mixing.Add(ByteView(key.key_and_salt.Reveal()));
  return mixing;
}

std::array<std::uint8_t, kTag> TagOf(Mixing keyed, std::uint64_t index, ByteView bytes) {
  return keyed.Add(index).Add(bytes).Bytes<kTag>();
}

// What was received under one SSRC (or of RTCP), in a ring of bits.
struct Replay {
  [[nodiscard]] bool Refuses(std::int64_t index) const {
    if (highest < 0 || index > highest) return false;
    return highest - index >= kWindow || seen[static_cast<std::size_t>(index % kWindow)];
  }
  void Note(std::int64_t index) {
    if (highest < 0 || index - highest >= kWindow) {
      seen.reset();
      highest = index;
    }
    for (; highest < index; ++highest) seen[static_cast<std::size_t>((highest + 1) % kWindow)] = false;
    seen[static_cast<std::size_t>(index % kWindow)] = true;
  }
  std::bitset<static_cast<std::size_t>(kWindow)> seen;
  std::int64_t highest = -1;
};

template <class State>
State& Of(std::vector<State>& states, std::uint32_t ssrc) {
  for (State& state : states) {
    if (state.ssrc == ssrc) return state;
  }
  states.emplace_back().ssrc = ssrc;
  return states.back();
}

class CheapReceiver final : public ports::SrtpReceiver {
 public:
  explicit CheapReceiver(const ports::SrtpKey& key) : keyed_(Keyed(key)) {}

  Opened UnprotectRtp(MutableByteView packet) override {
    if (packet.size() < wire::kRtpHeaderSize + kTag) return {0, DropReason::kRtpMalformed};
    ByteReader reader(packet);
    reader.Skip(2);
    const std::uint16_t sequence = reader.U16();
    reader.Skip(4);
    const std::uint32_t ssrc = reader.U32();
    // A source is remembered only once a packet of it has proved to be authentic.
    const auto known =
        std::find_if(sources_.begin(), sources_.end(), [&](auto& s) { return s.ssrc == ssrc; });
    const std::int64_t index =
        known == sources_.end() ? Unwrapper<std::uint16_t>().Peek(sequence) : known->sequence.Peek(sequence);
    const std::size_t size = packet.size() - kTag;
    if (known != sources_.end() && known->replay.Refuses(index)) return {0, DropReason::kSrtpReplay};
    const auto tag = TagOf(keyed_, static_cast<std::uint64_t>(index), packet.first(size));
    if (!std::equal(tag.begin(), tag.end(), packet.subspan(size).begin())) {
      return {0, DropReason::kSrtpAuthentication};
    }
    Source& source = Of(sources_, ssrc);
    source.sequence.Unwrap(sequence);
    source.replay.Note(index);
    return {size, DropReason::kNone};
  }
  Opened UnprotectRtcp(MutableByteView packet) override {
    if (packet.size() < 8 + kIndex + kTag) return {0, DropReason::kRtcpMalformed};
    const std::size_t size = packet.size() - kTag - kIndex;
    ByteReader reader(packet.subspan(size, kIndex));
    const std::uint32_t index = reader.U32();
    if (rtcp_.Refuses(index)) return {0, DropReason::kSrtpReplay};
    const auto tag = TagOf(keyed_, index, packet.first(size));
    if (!std::equal(tag.begin(), tag.end(), packet.subspan(size + kIndex).begin())) {
      return {0, DropReason::kSrtpAuthentication};
    }
    rtcp_.Note(index);
    return {size, DropReason::kNone};
  }

  [[nodiscard]] bool exhausted() const override { return false; }

 private:
  struct Source {
    std::uint32_t ssrc = 0;
    Unwrapper<std::uint16_t> sequence;
    Replay replay;
  };
  Mixing keyed_;
  std::vector<Source> sources_;
  Replay rtcp_;
};

class CheapSender final : public ports::SrtpSender {
 public:
  explicit CheapSender(const ports::SrtpKey& key) : keyed_(Keyed(key)) {}

  std::size_t ProtectRtp(MutableByteView buffer, std::size_t size) override {
    ByteReader reader(buffer);
    reader.Skip(2);
    const std::uint16_t sequence = reader.U16();
    reader.Skip(4);
    Source& source = Of(sources_, reader.U32());
    const std::int64_t index = source.sequence.Unwrap(sequence);
    const auto tag = TagOf(keyed_, static_cast<std::uint64_t>(index), buffer.first(size));
    std::copy(tag.begin(), tag.end(), buffer.subspan(size).begin());
    source.sent.resize(kRemembered);
    auto& [number, before] = source.sent[static_cast<std::size_t>(index % kRemembered)];
    Demand(number != index || before == tag, "two packets were protected under one number of one key");
    number = index;
    before = tag;
    return size + kTag;
  }
  std::size_t ProtectRtcp(MutableByteView buffer, std::size_t size) override {
    ByteWriter writer(buffer.subspan(size, kIndex));
    writer.U32(++rtcp_);
    const auto tag = TagOf(keyed_, rtcp_, buffer.first(size));
    std::copy(tag.begin(), tag.end(), buffer.subspan(size + kIndex).begin());
    return size + kIndex + kTag;
  }

 private:
  struct Source {
    std::uint32_t ssrc = 0;
    Unwrapper<std::uint16_t> sequence;
    std::vector<std::pair<std::int64_t, std::array<std::uint8_t, kTag>>> sent;
  };
  Mixing keyed_;
  std::vector<Source> sources_;
  std::uint32_t rtcp_ = 0;
};

}  // namespace

Result<std::unique_ptr<ports::SrtpReceiver>> CheapSrtpFactory::MakeReceiver(const ports::SrtpKey& key) {
  return std::make_unique<CheapReceiver>(key);
}

Result<std::unique_ptr<ports::SrtpSender>> CheapSrtpFactory::MakeSender(const ports::SrtpKey& key) {
  return std::make_unique<CheapSender>(key);
}

}  // namespace latchkey::sim
