#include "daemon/front/whip.h"

#include <string>

#include "daemon/base/ascii.h"
#include "daemon/front/problem.h"

namespace latchkey::front {
namespace {

using ports::HttpResponse;

// Always a strong one (RFC 9110 8.8.3).
std::string Quoted(const std::string& etag) {
  return "\"" + etag + "\"";
}

}  // namespace

bool IsMediaType(std::string_view content_type, std::string_view expected) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  return EqualWithoutCase(type, expected);
}

std::optional<HttpResponse> RefuseBody(const ports::HttpRequest& request) {
  const bool patch = request.method == ports::HttpMethod::kPatch;
  const std::string_view expected = patch ? kFragmentType : kSdpType;
  if (!IsMediaType(request.content_type, expected)) {
    HttpResponse response =
        Problem(415, "unsupported media type", "Send this with Content-Type: " + std::string(expected) + ".");
    response.headers.emplace_back(patch ? "Accept-Patch" : "Accept-Post", std::string(expected));
    return response;
  }
  if (request.body.empty()) {
    return Problem(
        400, "empty body",
        patch ? "Send the ICE fragment (RFC 8840) as the body." : "Send the SDP offer as the body.");
  }
  // No entity tag of ours is so long.
  if (request.if_match.size() > wire::ShortText::kMax) {
    return Problem(412, "precondition failed", "Send the ETag of the latest answer, or \"*\" for a restart.");
  }
  return std::nullopt;
}

HttpResponse DescribeEndpoint(Endpoint endpoint) {
  HttpResponse response;
  response.status = 204;
  response.headers.emplace_back("Allow", std::string(AllowedMethods(endpoint)));
  if (endpoint == Endpoint::kSession) {
    response.headers.emplace_back("Accept-Patch", std::string(kFragmentType));
  } else {
    response.headers.emplace_back("Accept-Post", std::string(kSdpType));
  }
  return response;
}

HttpResponse Created(const wire::Answered& answered, std::string_view origin) {
  HttpResponse response;
  response.status = 201;
  response.headers.emplace_back("Content-Type", std::string(kSdpType));
  response.headers.emplace_back("Location", std::string(origin) + "/session/" + answered.session.ToHex());
  response.headers.emplace_back("ETag", Quoted(answered.etag.str()));
  response.headers.emplace_back("Accept-Patch", std::string(kFragmentType));
  response.body = answered.answer.str();
  return response;
}

HttpResponse Restarted(const wire::Answered& answered) {
  HttpResponse response;
  response.status = 200;
  response.headers.emplace_back("Content-Type", std::string(kFragmentType));
  response.headers.emplace_back("ETag", Quoted(answered.etag.str()));
  response.body = answered.answer.str();
  return response;
}

HttpResponse Finished(const wire::Done& done) {
  HttpResponse response;
  response.status = done.http_status == 204 ? 204 : 200;
  if (!done.etag.str().empty()) response.headers.emplace_back("ETag", Quoted(done.etag.str()));
  return response;
}

HttpResponse RefusedBy(const wire::Refused& refused) {
  const int status = refused.http_status >= 400 && refused.http_status <= 599 ? refused.http_status : 500;
  return Problem(status, refused.title.str(), refused.detail.str(), refused.retry_after_s);
}

}  // namespace latchkey::front
