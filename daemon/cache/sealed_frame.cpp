#include "daemon/cache/sealed_frame.h"

#include <algorithm>
#include <array>
#include <utility>

#include "daemon/base/check.h"

namespace latchkey::cache {
namespace {

constexpr std::size_t kAdditionalSize = 1 + 16 + 8 + 8 + 1 + 1 + 1 + 4 * 8;
using AdditionalData = std::array<std::uint8_t, kAdditionalSize>;

std::uint64_t Nanoseconds(Instant t) {
  return static_cast<std::uint64_t>(t.time_since_epoch().count());
}

AdditionalData AdditionalDataOf(const frames::FrameHeader& header) {
  AdditionalData bytes{};
  ByteWriter writer(bytes);
  writer.U8(kSealFormat);
  writer.Bytes(header.camera.bytes());
  writer.U64(header.epoch.value);
  writer.U64(header.number.value);
  writer.U8(static_cast<std::uint8_t>(header.stream));
  writer.U8(static_cast<std::uint8_t>(header.codec));
  writer.U8(header.keyframe ? 1 : 0);
  writer.U64(static_cast<std::uint64_t>(header.timestamp.value));
  writer.U64(Nanoseconds(header.captured));
  writer.U64(Nanoseconds(header.arrived_first));
  writer.U64(Nanoseconds(header.whole));
  LATCHKEY_CHECK(writer.ok() && writer.room() == 0);
  return bytes;
}

ports::AeadNonce NonceOf(FrameNumber number) {
  ports::AeadNonce nonce{};
  ByteWriter writer(nonce);
  writer.U32(0);
  writer.U64(number.value);
  LATCHKEY_CHECK(writer.ok() && writer.room() == 0);
  return nonce;
}

}  // namespace

SealKey::SealKey(ports::Crypto& crypto, Secret32 content_key) : aead_(crypto.MakeAes256Gcm(content_key)) {}

SealedFrame SealKey::Seal(frames::PlainFrame frame) {
  const frames::FrameHeader header = frame.header;
  LATCHKEY_CHECK(!last_ || header.number > *last_);
  last_ = header.number;
  ByteVector bytes = std::move(frame).TakeRecords();
  const std::size_t plain = bytes.size();
  LATCHKEY_CHECK(plain > 0 && plain <= frames::kMaxFrame);
  if (bytes.capacity() < plain + ports::kAeadTagSize) {
    ByteVector larger;
    larger.reserve(plain + ports::kAeadTagSize);
    larger.assign(bytes.begin(), bytes.end());
    Wipe(bytes);
    bytes = std::move(larger);
  }
  bytes.resize(plain + ports::kAeadTagSize);
  aead_->Seal(NonceOf(header.number), AdditionalDataOf(header), ByteView(bytes).first(plain), bytes);
  return SealedFrame(header, std::move(bytes));
}

OpenBuffer::~OpenBuffer() {
  Wipe();
}

void OpenBuffer::Wipe() {
  latchkey::Wipe(MutableByteView(bytes_).first(used_));
  used_ = 0;
}

MutableByteView OpenBuffer::Room(std::size_t size) {
  if (bytes_.size() < size) {
    Wipe();
    bytes_.resize(size);
  }
  // Whatever was there beyond this frame stays until it is overwritten or wiped.
  used_ = std::max(used_, size);
  return MutableByteView(bytes_).first(size);
}

OpenKey::OpenKey(ports::Crypto& crypto, access::Grant&& grant)
    : aead_(crypto.MakeAes256Gcm(grant.content_key())),
      camera_(grant.camera()),
      epoch_(grant.epoch()),
      rights_(grant.rights()),
      not_after_(grant.not_after()) {
  // The key has become the cipher's; the grant ends here.
  [[maybe_unused]] const access::Grant spent = std::move(grant);
}

OpenKey::Opened OpenKey::Open(const SealedFrame& frame, OpenBuffer& buffer) {
  const frames::FrameHeader& header = frame.header();
  if (header.camera != camera_ || header.epoch != epoch_) return {OpenOutcome::kStale, {}};
  const ByteView sealed = frame.bytes();
  LATCHKEY_CHECK(sealed.size() > ports::kAeadTagSize);
  const MutableByteView out = buffer.Room(sealed.size() - ports::kAeadTagSize);
  if (!aead_->Open(NonceOf(header.number), AdditionalDataOf(header), sealed, out))
    return {OpenOutcome::kFailed, {}};
  return {OpenOutcome::kOpened, frames::PayloadRecords(out)};
}

}  // namespace latchkey::cache
