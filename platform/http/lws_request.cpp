#include "platform/http/lws_request.h"

#include <libwebsockets.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "platform/http/listener.h"

namespace latchkey::platform {
namespace {

using ports::HttpFault;
using ports::HttpMethod;

struct MethodToken {
  lws_token_indexes token;
  HttpMethod method;
};
constexpr std::array<MethodToken, 7> kMethods{{{WSI_TOKEN_GET_URI, HttpMethod::kGet},
                                               {WSI_TOKEN_HEAD_URI, HttpMethod::kHead},
                                               {WSI_TOKEN_POST_URI, HttpMethod::kPost},
                                               {WSI_TOKEN_PATCH_URI, HttpMethod::kPatch},
                                               {WSI_TOKEN_PUT_URI, HttpMethod::kPut},
                                               {WSI_TOKEN_DELETE_URI, HttpMethod::kDelete},
                                               {WSI_TOKEN_OPTIONS_URI, HttpMethod::kOptions}}};
static_assert(kMethods.size() == static_cast<std::size_t>(HttpMethod::kCount));

// In place: a token must not stay behind in a copy.
void Trim(std::string& text) {
  constexpr std::string_view kSpace = " \t\r\n";
  text.erase(text.find_last_not_of(kSpace) + 1);
  text.erase(0, text.find_first_not_of(kSpace));
}

bool Has(lws* wsi, lws_token_indexes token) {
  return lws_hdr_total_length(wsi, token) > 0;
}

// Several fields of one name come joined by a space.
std::string Header(lws* wsi, lws_token_indexes token) {
  const int length = lws_hdr_total_length(wsi, token);
  if (length <= 0) return {};
  std::string text(static_cast<std::size_t>(length) + 1, '\0');
  const int copied = lws_hdr_copy(wsi, text.data(), length + 1, token);
  if (copied <= 0) return {};
  text.resize(static_cast<std::size_t>(copied));
  Trim(text);
  return text;
}

const MethodToken* FindMethod(lws* wsi) {
  const auto* found = std::find_if(kMethods.begin(), kMethods.end(),
                                   [wsi](const MethodToken& m) { return Has(wsi, m.token); });
  return found == kMethods.end() ? nullptr : found;
}

}  // namespace

HttpFraming ReadFraming(lws* wsi) {
  HttpFraming framing;
  const MethodToken* method = FindMethod(wsi);
  const bool wants_length =
      method != nullptr && (method->method == HttpMethod::kPost || method->method == HttpMethod::kPatch ||
                            method->method == HttpMethod::kPut);
  const bool has_length = Has(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);
  framing.body_follows = wants_length && !has_length;
  const std::string version = Header(wsi, WSI_TOKEN_HTTP);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") framing.fault = HttpFault::kMalformed;
  if (has_length) {
    const std::string text = Header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (error != std::errc() || end != text.data() + text.size()) {
      framing.fault = HttpFault::kMalformed;
      return framing;
    }
    // The library reports the end of an empty body for POST alone.
    framing.body_follows = length > 0 || (method != nullptr && method->method == HttpMethod::kPost);
    if (length > ports::kMaxHttpBody) framing.fault = HttpFault::kBodyTooLarge;
  }
  if (Has(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING)) {
    // With a length beside it somebody is trying to smuggle a request (RFC 9112 6.3, 3).
    framing.fault = has_length ? HttpFault::kMalformed : HttpFault::kLengthRequired;
  } else if (wants_length && !has_length) {
    framing.fault = HttpFault::kLengthRequired;
  }
  return framing;
}

std::optional<ports::HttpRequest> ReadRequest(lws* wsi) {
  const MethodToken* method = FindMethod(wsi);
  if (method == nullptr) return std::nullopt;
  ports::HttpRequest request;
  request.method = method->method;
  request.path = Header(wsi, method->token);
  request.secure = lws_is_ssl(wsi) != 0;
  const int socket = lws_get_socket_fd(wsi);
  request.peer = PeerOf(socket);
  request.local = LocalOf(socket);
  request.host = Header(wsi, WSI_TOKEN_HOST);
  request.origin = Header(wsi, WSI_TOKEN_ORIGIN);
  request.authorization = Header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION);
  request.content_type = Header(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE);
  request.if_match = Header(wsi, WSI_TOKEN_HTTP_IF_MATCH);
  return request;
}

std::string ReadUpgrade(lws* wsi) {
  std::string text = Header(wsi, WSI_TOKEN_UPGRADE);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

}  // namespace latchkey::platform
