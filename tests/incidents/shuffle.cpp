#include <algorithm>

#include "tests/incidents/hub.h"

namespace latchkey::incidents {
namespace {

// Of a question or an answer, each of which names its own.
bool MayOvertake(wire::IpcKind kind) {
  using enum wire::IpcKind;
  switch (kind) {
    case kPublishRequest:
    case kViewRequest:
    case kViewProof:
    case kPatchRequest:
    case kDeleteRequest:
    case kAnswered:
    case kRefused:
    case kGranted:
    case kDone:
    case kViewerOffer:
    case kViewerAdmit:
    case kPublishAnswer:
    case kViewerParsed:
    case kViewerAnswer:
    case kPatchAnswer: return true;
    case kFrontReady:
    case kListRequest:
    case kSubscribe:
    case kUnsubscribe:
    case kCancel:
    case kMetricsRequest:
    case kFrontConfig:
    case kCameraList:
    case kMetrics:
    case kShutdown:
    case kLaneConfig:
    case kPublishOffer:
    case kWrapRenewal:
    case kEpochBegin:
    case kPatchOffer:
    case kSessionEnd:
    case kSuspend:
    case kKeyAdmitted:
    case kLaneReady:
    case kSessionEnded:
    case kLaneStatus:
    case kEpochWanted:
    case kOpenFailed:
    case kKeyShown:
    case kSourcesSeen:
    case kSdesBegin:
    case kIndexWanted:
    case kIndexReserved:
    case kTokenGuessed: return false;
  }
  return false;
}

}  // namespace

std::size_t Shuffle::operator()(const std::vector<Letter>& waiting) {
  std::vector<std::size_t> next;
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    const auto before = [&](const Letter& other) {
      return other.channel == waiting[i].channel && other.camera == waiting[i].camera &&
             (!MayOvertake(other.kind()) || !MayOvertake(waiting[i].kind()));
    };
    const auto end = waiting.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::none_of(waiting.begin(), end, before)) next.push_back(i);
  }
  return next.at(std::uniform_int_distribution<std::size_t>(0, next.size() - 1)(dice_));
}

}  // namespace latchkey::incidents
