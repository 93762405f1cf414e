// On each channel a record is refused, or it is exactly what its message would be written as.
#include "daemon/wire/ipc_messages.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey::fuzz {
namespace {

template <class Channel>
void Check(ByteView record) {
  const auto message = wire::DecodeIpc<Channel>(record);
  if (message) LATCHKEY_CHECK(Same(wire::EncodeIpcVariant(*message), record));
}

void CheckAll(ByteView record) {
  Check<wire::FrontToKeeper>(record);
  Check<wire::KeeperToFront>(record);
  Check<wire::KeeperToLane>(record);
  Check<wire::LaneToKeeper>(record);
}

}  // namespace

void Fuzz(ByteView input) {
  CheckAll(input);
  if (input.empty()) return;
  // The same bytes as a body with a right header, its kind from the end: so the fuzzer need not guess
  // lengths.
  const ByteView body = input.first(input.size() - 1);
  ByteVector record(wire::kIpcHeaderSize);
  ByteWriter header(record);
  header.U8(wire::kIpcVersion);
  header.U8(input.back());
  header.U16(0);
  header.U32(static_cast<std::uint32_t>(body.size()));
  record.insert(record.end(), body.begin(), body.end());
  CheckAll(record);
}

}  // namespace latchkey::fuzz
