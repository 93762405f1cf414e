// Every message between the processes, by channel and direction. daemon/PROTOCOL.md tells the
// conversations; this is the table that the compiler holds both ends to.
#pragma once

#include <variant>

#include "daemon/wire/ipc_front.h"
#include "daemon/wire/ipc_lane.h"
#include "daemon/wire/ipc_sdes.h"
#include "daemon/wire/ipc_types.h"

namespace latchkey::wire {

using FrontToKeeper =
    std::variant<FrontReady, PublishRequest, ViewRequest, ViewProof, PatchRequest, DeleteRequest, ListRequest,
                 Subscribe, Unsubscribe, Cancel, MetricsRequest, TokenGuessed>;
using KeeperToFront =
    std::variant<FrontConfig, Answered, Refused, Granted, Done, CameraList, Metrics, Shutdown>;
using KeeperToLane =
    std::variant<LaneConfig, PublishOffer, ViewerOffer, ViewerAdmit, WrapRenewal, EpochBegin, KeyAdmitted,
                 SdesBegin, IndexReserved, PatchOffer, SessionEnd, Suspend, Shutdown>;
using LaneToKeeper =
    std::variant<LaneReady, PublishAnswer, ViewerParsed, ViewerAnswer, PatchAnswer, Refused, SessionEnded,
                 LaneStatus, EpochWanted, OpenFailed, KeyShown, SourcesSeen, IndexWanted>;

}  // namespace latchkey::wire
