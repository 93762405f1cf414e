// Whether a camera's session may use the key that it showed (DESIGN section 4, "stream key admission" (a),
// (b), (f)): what one lane can't know, because it takes knowing of other cameras and of earlier sessions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/keeper/books.h"
#include "daemon/keeper/key_desk.h"
#include "daemon/keeper/suspension_desk.h"

namespace latchkey::keeper {

class AdmissionDesk {
 public:
  AdmissionDesk(Books& books, KeyDesk& keys, SuspensionDesk& suspensions)
      : books_(books), keys_(keys), suspensions_(suspensions) {}

  // A handshake with the camera is over: the lane is told that its key counts, or the session ends.
  //
  //   certificate   no other camera has it for a pin or showed it last; it is the pin, where there is one;
  //                 without one the camera was added with --sdes and has no pin
  //   stream key    no session of any camera ever used it, but for the one that the hub made for this camera
  //   SSRCs         no other camera sends under one of them now
  //
  // A certificate or stream key of another camera suspends both: one of them is not what it seems, or both
  // were made with one key. An SSRC can be read off the network and set by anybody, so it costs the newcomer
  // its session alone.
  void Judge(CameraId camera, const wire::KeyShown& shown, WallTime wall);
  // The SSRCs that a session sends under, as packets showed them: one of another camera ends it.
  void NoteSources(CameraId camera, const wire::SourcesSeen& seen);
  // The lane itself found that the key is none.
  void NoteWeakKey(CameraId camera);

  // The owner's word on a camera's certificate. A session under another than the new pin ends.
  Status Pin(CameraId camera, ports::PinState state, const std::optional<ports::KeyPin>& pin);
  // The pin of first use is the right one. kInvalid: there is none.
  Status Confirm(CameraId camera);

 private:
  void NoteRefused(CameraId camera, SessionId session, const std::string& why);
  void NotePin(CameraId camera, ports::PinState state, const std::optional<ports::KeyPin>& pin);
  struct Objection {
    std::string why;                // for the owner
    std::optional<CameraId> other;  // whose it is: both are suspended
    bool passing = false;           // of the moment: the same key may be good later
  };
  [[nodiscard]] std::optional<Objection> WhyNot(CameraId camera, const wire::KeyShown& shown,
                                                const ports::KeyTag& stream_key);
  [[nodiscard]] std::optional<Objection> WhyNotPeer(CameraId camera, const wire::KeyShown& shown) const;
  [[nodiscard]] std::optional<Objection> WhyNotKey(CameraId camera, const wire::KeyShown& shown,
                                                   const ports::KeyTag& stream_key);
  Status NoteKeys(CameraId camera, const wire::KeyShown& shown, const ports::KeyTag& stream_key,
                  WallTime wall);
  [[nodiscard]] std::optional<CameraId> OtherOfSource(CameraId camera,
                                                      const std::vector<std::uint32_t>& sources) const;
  void Refuse(CameraId camera, SessionId session, const std::string& why);

  Books& books_;
  KeyDesk& keys_;
  SuspensionDesk& suspensions_;
};

}  // namespace latchkey::keeper
