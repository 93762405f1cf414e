// WHIP (RFC 9725) and the rules that WHEP shares with it: SDP in a POST, a session to PATCH and DELETE. The
// SDP itself goes by unread: the lane alone parses it.
#pragma once

#include <optional>
#include <string_view>

#include "daemon/front/router.h"
#include "daemon/ports/http.h"
#include "daemon/wire/ipc_messages.h"

namespace latchkey::front {

constexpr std::string_view kSdpType = "application/sdp";
constexpr std::string_view kFragmentType = "application/trickle-ice-sdpfrag";

// `type/subtype` in any case, parameters ignored (RFC 9110 8.3.1).
[[nodiscard]] bool IsMediaType(std::string_view content_type, std::string_view expected);

// What is wrong with a POST or PATCH beyond its token: 400, 412 or 415. Nothing when it may be asked.
[[nodiscard]] std::optional<ports::HttpResponse> RefuseBody(const ports::HttpRequest& request);

// OPTIONS (204 with Accept-Post or Accept-Patch), GET and HEAD (204: there is nothing to see, and nothing
// is told about the camera). RFC 9725 4.1, 4.2.
[[nodiscard]] ports::HttpResponse DescribeEndpoint(Endpoint endpoint);

// 201 with the answer; Location is absolute and without a query. RFC 9725 4.2.
[[nodiscard]] ports::HttpResponse Created(const wire::Answered& answered, std::string_view origin);
// 200 of an ICE restart, with the answering fragment. RFC 9725 4.3.3.
[[nodiscard]] ports::HttpResponse Restarted(const wire::Answered& answered);
// 204 of a trickle PATCH, 200 of a DELETE.
[[nodiscard]] ports::HttpResponse Finished(const wire::Done& done);
// What keeper or lane refused. A status that no refusal has becomes 500.
[[nodiscard]] ports::HttpResponse RefusedBy(const wire::Refused& refused);

}  // namespace latchkey::front
