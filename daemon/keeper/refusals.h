// Every no the keeper says over HTTP, in one place: status, title, what to do (RFC 9457).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/access/policy.h"

namespace latchkey::keeper {

struct Refusal {
  std::uint16_t status = 500;
  std::string_view title;
  std::string detail;
  std::uint16_t retry_after_s = 0;
};

constexpr std::string_view kUnavailableTitle = "currently unavailable";

inline Refusal UnknownToken() {
  return {401, "unknown token", "The hub does not know this token. Ask its owner for a new one.", 0};
}
// Of an order that is not on the disk yet.
inline Refusal BeingChanged() {
  return {503, kUnavailableTitle, "The hub's owner is changing something about this: try again.", 1};
}
inline Refusal NotACamerasToken() {
  return {403, "not allowed", "This is a viewer's token; only the camera's own token may publish here.", 0};
}
inline Refusal AnotherCamerasToken() {
  return {403, "not allowed",
          "This token belongs to another camera. Use the token shown with this camera's URL.", 0};
}
inline Refusal NotAViewersToken() {
  return {403, "not allowed", "This is a camera's token; use the token of a viewer.", 0};
}
inline Refusal NotGranted(std::string_view why) {
  return {403, "not allowed", "Not allowed: " + std::string(why) + ". The hub's owner can add one.", 0};
}
inline Refusal UnknownCamera() {
  return {404, "no such camera", "No camera has this id. Ids are used whole, as the hub printed them.", 0};
}
inline Refusal UnknownSession() {
  return {404, "no such session", "This session is over or never was. Begin a new one.", 0};
}
// `why` begins with a small letter and has no full stop.
inline Refusal Unavailable(std::string_view why, std::uint16_t retry_after_s) {
  return {503, kUnavailableTitle,
          "No picture: " + std::string(why) + ". Try again in " + std::to_string(retry_after_s) + " s.",
          retry_after_s};
}
// The reason in its owner's words goes to pages of viewers with a grant, not into an HTTP error.
inline Refusal Suspended() {
  return Unavailable("the camera is suspended until its owner lifts that", 30);
}
inline Refusal Unrecorded() {
  return Unavailable("the hub can't write its log of who sees what; its disk may be full", 10);
}
inline Refusal NotToSee(access::ViewRefusal why) {
  if (why == access::ViewRefusal::kSuspended) return Suspended();
  if (why == access::ViewRefusal::kUnrecorded) return Unrecorded();
  return NotGranted(access::ViewRefusalText(why));
}
inline Refusal LaneDown() {
  return Unavailable("the hub is starting this camera's part", 1);
}
inline Refusal NoAnswerInTime() {
  return Unavailable("the hub did not get an answer in time", 1);
}
inline Refusal IdCameTwice() {
  return Unavailable("the hub drew an id that is in use; if it goes on, restart it", 1);
}
inline Refusal Busy() {
  return {503, kUnavailableTitle, "The hub has too many questions open. Try again.", 1};
}
inline Refusal TooManyViewers() {
  return {503, kUnavailableTitle, "As many viewers as the hub allows are watching this camera.", 5};
}
inline Refusal TooManyPages() {
  return {503, "too many pages", "Too many pages are open. Close some and try again.", 5};
}
inline Refusal RegistryFailed() {
  return {503, kUnavailableTitle, "The hub can't write to its disk. Its owner finds the reason in its log.",
          10};
}

}  // namespace latchkey::keeper
