#include "daemon/frames/frame.h"

#include <algorithm>

#include "daemon/base/check.h"
#include "daemon/base/secret.h"

namespace latchkey::frames {

std::size_t PayloadRecords::Count() const {
  return static_cast<std::size_t>(std::distance(begin(), end()));
}

PlainFrame& PlainFrame::operator=(PlainFrame&& other) noexcept {
  if (this != &other) {
    Wipe(records_);
    header = other.header;
    records_ = std::move(other.records_);
    other.records_.clear();
  }
  return *this;
}

PlainFrame::~PlainFrame() {
  Wipe(records_);
}

FrameBuilder::FrameBuilder(std::size_t payload_bytes, std::size_t payload_count) {
  records_.reserve(payload_bytes + payload_count * PayloadRecords::kLengthSize + kSealRoom);
}

FrameBuilder::~FrameBuilder() {
  Wipe(records_);
}

void FrameBuilder::Add(ByteView payload) {
  LATCHKEY_CHECK(!payload.empty() && payload.size() <= kMaxPayload);
  const std::size_t needed = records_.size() + PayloadRecords::kLengthSize + payload.size() + kSealRoom;
  if (needed > records_.capacity()) {
    ByteVector larger;
    larger.reserve(std::max(needed, records_.capacity() + records_.capacity() / 4));
    larger.assign(records_.begin(), records_.end());
    Wipe(records_);
    records_ = std::move(larger);
  }
  ++count_;
  records_.push_back(static_cast<std::uint8_t>(payload.size() >> 8U));
  records_.push_back(static_cast<std::uint8_t>(payload.size() & 0xffU));
  records_.insert(records_.end(), payload.begin(), payload.end());
}

PlainFrame FrameBuilder::Build(const FrameHeader& header) && {
  return PlainFrame(header, std::exchange(records_, {}));
}

}  // namespace latchkey::frames
