#include "tools/media/http_client.h"

#include <curl/curl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/base/check.h"
#include "platform/loop/poller.h"
#include "platform/loop/unique_fd.h"

namespace latchkey::media {
namespace {

struct CurlDeleter {
  void operator()(CURL* p) const { curl_easy_cleanup(p); }
  void operator()(CURLU* p) const { curl_url_cleanup(p); }
  void operator()(curl_slist* p) const { curl_slist_free_all(p); }
};
using Easy = std::unique_ptr<CURL, CurlDeleter>;
using Url = std::unique_ptr<CURLU, CurlDeleter>;

struct Request {
  bool is_delete = false;
  std::string url;
  std::string sdp;
  HttpClient::Callback callback;
};

std::optional<std::string> Part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return std::nullopt;
  std::string value = text;
  curl_free(text);
  return value;
}

Url ParseUrl(const std::string& text) {
  Url url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return nullptr;
  return url;
}

std::string Resolve(const std::string& base, const std::string& reference) {
  const Url url = ParseUrl(base);
  if (!url || reference.empty()) return {};
  if (curl_url_set(url.get(), CURLUPART_URL, reference.c_str(), 0) != CURLUE_OK) return {};
  return Part(url.get(), CURLUPART_URL).value_or("");
}

std::size_t TakeBody(char* data, std::size_t, std::size_t size, void* user) {
  auto& body = *static_cast<std::string*>(user);
  if (body.size() + size > kMaxHttpBody) return 0;  // libcurl ends the transfer
  body.append(data, size);
  return size;
}

std::string Header(CURL* easy, const char* name) {
  curl_header* header = nullptr;
  if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return {};
  return header->value;
}

HttpReply Perform(const Request& request, const HttpOptions& options) {
  HttpReply reply;
  const Easy easy(curl_easy_init());
  CURL* curl = easy.get();
  std::array<char, CURL_ERROR_SIZE> error{};
  std::unique_ptr<curl_slist, CurlDeleter> headers;
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error.data());
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(ToMilliseconds(kHttpTimeout)));
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &TakeBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply.body);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "latchkey-tools/0.1");
  if (!options.token.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, options.token.c_str());
  }
  if (!options.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_file.c_str());
  if (options.insecure) {
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (request.is_delete) {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "DELETE");
  } else {
    headers.reset(curl_slist_append(nullptr, "Content-Type: application/sdp"));
    curl_slist_append(headers.get(), "Accept: application/sdp, application/problem+json");
    curl_slist_append(headers.get(), "Expect:");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.sdp.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.sdp.c_str());
    // RFC 9725 4.5: a redirect is a 307, the offer goes again.
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 3L);
    curl_easy_setopt(curl, CURLOPT_POSTREDIR, static_cast<long>(CURL_REDIR_POST_ALL));
  }
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) {
    reply.error = error[0] != '\0' ? error.data() : curl_easy_strerror(code);
    return reply;
  }
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
  char* effective = nullptr;
  curl_easy_getinfo(curl, CURLINFO_EFFECTIVE_URL, &effective);
  if (reply.status == 201 || reply.status == 200) {
    reply.location = Resolve(effective != nullptr ? effective : request.url, Header(curl, "Location"));
  }
  reply.etag = Header(curl, "ETag");
  curl_off_t retry_after = 0;
  curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
  reply.retry_after = static_cast<long>(retry_after);
  return reply;
}

}  // namespace

struct HttpClient::Impl {
  HttpOptions options;
  platform::UniqueFd wake{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<Request> requests;
  std::deque<std::pair<Callback, HttpReply>> replies;
  std::size_t pending = 0;  // asked for and not yet called back
  bool stopping = false;
  std::optional<platform::Poller> poller;
  std::thread thread;

  void Work();
  void Deliver();
  void Enqueue(Request request);
};

void HttpClient::Impl::Work() {
  // With CURLOPT_NOSIGNAL a hub that hangs up in the middle of a request is this program's to survive.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  (void)::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [this] { return stopping || !requests.empty(); });
    if (stopping) return;
    Request request = std::move(requests.front());
    requests.pop_front();
    lock.unlock();
    HttpReply reply = Perform(request, options);
    lock.lock();
    replies.emplace_back(std::move(request.callback), std::move(reply));
    const std::uint64_t one = 1;
    (void)!::write(wake.get(), &one, sizeof(one));
  }
}

void HttpClient::Impl::Deliver() {
  std::uint64_t count = 0;
  (void)!::read(wake.get(), &count, sizeof(count));
  while (true) {
    std::pair<Callback, HttpReply> item;
    {
      const std::lock_guard lock(mutex);
      if (replies.empty()) return;
      item = std::move(replies.front());
      replies.pop_front();
      --pending;
    }
    item.first(std::move(item.second));
  }
}

void HttpClient::Impl::Enqueue(Request request) {
  {
    const std::lock_guard lock(mutex);
    requests.push_back(std::move(request));
    ++pending;
  }
  changed.notify_one();
}

HttpClient::HttpClient(platform::Loop& loop, HttpOptions options) : impl_(std::make_unique<Impl>()) {
  LATCHKEY_CHECK(impl_->wake.valid());
  LATCHKEY_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
  impl_->options = std::move(options);
  impl_->poller.emplace(loop, impl_->wake.get(),
                        [impl = impl_.get()](platform::Poller::Events) { impl->Deliver(); });
  impl_->poller->Watch({true, false});
  impl_->thread = std::thread([impl = impl_.get()] { impl->Work(); });
}

HttpClient::~HttpClient() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  impl_->thread.join();
}

void HttpClient::Post(std::string url, std::string sdp, Callback callback) {
  impl_->Enqueue({false, std::move(url), std::move(sdp), std::move(callback)});
}
void HttpClient::Delete(std::string url, Callback callback) {
  impl_->Enqueue({true, std::move(url), {}, std::move(callback)});
}
bool HttpClient::idle() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->pending == 0;
}

bool SameOrigin(const std::string& a, const std::string& b) {
  const Url ua = ParseUrl(a);
  const Url ub = ParseUrl(b);
  if (!ua || !ub) return false;
  for (const CURLUPart part : {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT}) {
    const auto pa = Part(ua.get(), part);
    if (!pa || pa != Part(ub.get(), part)) return false;
  }
  return true;
}

std::string HostOf(const std::string& url) {
  const Url parsed = ParseUrl(url);
  std::string host = parsed ? Part(parsed.get(), CURLUPART_HOST).value_or("") : "";
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return host;
}

std::string DescribeRefusal(const HttpReply& reply) {
  if (reply.status == 0) {
    const bool certificate = reply.error.find("certificate") != std::string::npos;
    return "no answer from the hub: " + reply.error +
           (certificate
                ? " (give the hub's certificate with --ca FILE, or trust this network with --insecure)"
                : "");
  }
  std::string text = "the hub answered " + std::to_string(reply.status);
  const auto problem = nlohmann::json::parse(reply.body, nullptr, false);
  if (problem.is_object()) {
    for (const char* key : {"title", "detail"}) {
      const auto it = problem.find(key);
      if (it != problem.end() && it->is_string()) text += std::string(": ") + it->get<std::string>();
    }
    return text;
  }
  switch (reply.status) {
    case 401: return text + ": the token is missing or wrong; give --token";
    case 403: return text + ": this token may not use this camera";
    case 404: return text + ": there is no such camera; check the URL";
    case 406: return text + ": no codec in common";
    case 409: return text + ": another publisher is live on this camera";
    case 503: return text + ": currently unavailable";
    default: return text;
  }
}

}  // namespace latchkey::media
