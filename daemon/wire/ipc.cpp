#include "daemon/wire/ipc.h"

namespace latchkey::wire {

std::optional<IpcFrame> ParseIpcFrame(ByteView record) {
  if (record.size() > kIpcMaxMessage) return std::nullopt;
  ByteReader reader(record);
  const std::uint8_t version = reader.U8();
  const std::uint8_t kind = reader.U8();
  const std::uint16_t reserved = reader.U16();
  const std::uint32_t length = reader.U32();
  if (!reader.ok() || version != kIpcVersion || reserved != 0 || length != reader.remaining()) {
    return std::nullopt;
  }
  return IpcFrame{kind, reader.Rest()};
}

}  // namespace latchkey::wire
