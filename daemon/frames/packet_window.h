// A window over a stream's sequence numbers: what came, what is missing and since when. It knows nothing of
// codecs; the assembler reads frames out of it and NACKs are made from its missing list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/base/bytes.h"
#include "daemon/base/seq.h"
#include "daemon/base/time.h"

namespace latchkey::frames {

struct MissingPacket {
  ExtendedSequence sequence;
  Instant noticed;  // arrival of the first packet behind it
  friend bool operator==(const MissingPacket&, const MissingPacket&) = default;
};

// What the assembler must know of a packet's payload, found once when it comes.
struct PacketFacts {
  bool marker : 1 = false;
  bool start : 1 = false;          // a frame can begin here
  bool picture_start : 1 = false;  // holds the start of a picture's first slice (VP8: of the frame)
  bool picture : 1 = false;        // holds picture data, not only parameters
  bool keyframe : 1 = false;       // holds a piece of a keyframe (H264: IDR slice; VP8: its first packet)
  bool begins_unit : 1 = true;     // first piece is the start of its NAL
  bool ends_unit : 1 = true;       // last piece is the end of its NAL
  bool b_slice : 1 = false;
  bool has_sps : 1 = false;
  bool has_pps : 1 = false;
  bool malformed : 1 = false;  // its number counts, its bytes don't
};

struct StoredPacket {
  std::uint32_t timestamp = 0;
  PacketFacts facts;
  Instant arrived;
  ByteVector payload;  // empty: padding
};

enum class WindowResult : std::uint8_t {
  kStored,
  kDuplicate,  // held already
  kTooOld,     // below first()
  kTooFar,     // would not fit: more than capacity() ahead of first(), or over the bytes
};

// Numbers first() .. next()-1, each present or missing. Bounded by packets and by bytes; neither is exceeded:
// the caller makes room with DropUntil() or begins afresh with Restart().
class PacketWindow {
 public:
  PacketWindow(std::size_t packets, std::size_t bytes);
  PacketWindow(PacketWindow&&) noexcept = default;
  PacketWindow& operator=(PacketWindow&&) noexcept = default;
  PacketWindow(const PacketWindow&) = delete;
  PacketWindow& operator=(const PacketWindow&) = delete;
  ~PacketWindow();

  // Nothing is held; the next packet stored will be `first` or behind it.
  void Restart(std::int64_t first);
  [[nodiscard]] bool started() const { return started_; }

  // Copies `payload`. Precondition: started().
  WindowResult Store(std::int64_t sequence, std::uint32_t timestamp, PacketFacts facts, ByteView payload,
                     Instant now);
  // The window begins earlier from now on, if that fits: only before anything was taken out.
  [[nodiscard]] bool ExtendBack(std::int64_t first, Instant now);

  // Null: missing, or outside.
  [[nodiscard]] const StoredPacket* Find(std::int64_t sequence) const;
  // Forgets (and wipes) everything below `first`, which is at most next().
  void DropUntil(std::int64_t first);
  // When a missing number inside the window was noticed.
  [[nodiscard]] Instant NoticedAt(std::int64_t sequence) const;

  [[nodiscard]] std::int64_t first() const { return first_; }
  [[nodiscard]] std::int64_t next() const { return next_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t capacity() const { return slots_.size(); }
  [[nodiscard]] std::size_t missing() const { return missing_; }
  // Replaces `out` by the missing numbers, lowest first; at most capacity().
  void ListMissing(std::vector<MissingPacket>& out) const;
  // Walks all slots.
  [[nodiscard]] bool IsConsistent() const;

 private:
  enum class SlotState : std::uint8_t { kFree, kMissing, kPresent };
  struct Slot {
    SlotState state = SlotState::kFree;
    StoredPacket packet;  // of a missing one, `arrived` is when it was noticed
  };
  [[nodiscard]] Slot& At(std::int64_t sequence);
  [[nodiscard]] const Slot& At(std::int64_t sequence) const;
  void Free(Slot& slot);

  std::vector<Slot> slots_;
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::size_t missing_ = 0;
  std::int64_t first_ = 0;
  std::int64_t next_ = 0;
  bool started_ = false;
};

}  // namespace latchkey::frames
