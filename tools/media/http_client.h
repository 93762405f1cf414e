// WHIP and WHEP over HTTP (RFC 9725): one thread with libcurl, answers delivered on the loop, so that a slow
// hub never holds up media.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "daemon/base/time.h"
#include "platform/loop/loop.h"

namespace latchkey::media {

struct HttpOptions {
  std::string token;      // of `Authorization: Bearer`
  std::string ca_file;    // PEM; empty: the system's
  bool insecure = false;  // https without checking the certificate
};

struct HttpReply {
  long status = 0;       // 0: no answer, see `error`
  std::string body;      // at most kMaxHttpBody bytes
  std::string location;  // absolute, resolved against the request's URL
  std::string etag;
  long retry_after = 0;  // seconds; 0: not said
  std::string error;     // libcurl's words when there was no answer
};

constexpr std::size_t kMaxHttpBody = 64 * 1024;
constexpr Duration kHttpTimeout = seconds{10};

class HttpClient {
 public:
  using Callback = std::function<void(HttpReply)>;

  HttpClient(platform::Loop& loop, HttpOptions options);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  // Waits for the request under way; callbacks not yet made are dropped.
  ~HttpClient();

  // Requests run one after the other; each calls back once, from the loop.
  void Post(std::string url, std::string sdp, Callback callback);
  void Delete(std::string url, Callback callback);
  [[nodiscard]] bool idle() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Whether two URLs have scheme, host and port in common: a token given for one may be shown to the other.
bool SameOrigin(const std::string& a, const std::string& b);
// The host of a URL without brackets; empty when it is none.
std::string HostOf(const std::string& url);

// One line for a person: status, the problem's title and detail (RFC 9457), what to do.
std::string DescribeRefusal(const HttpReply& reply);

}  // namespace latchkey::media
