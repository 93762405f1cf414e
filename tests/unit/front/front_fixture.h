// A Front with a clock in hand, and what it wanted done, sorted.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/front/front.h"
#include "platform/crypto/openssl_crypto.h"
#include "tests/support/catch.h"
#include "tests/support/seeded_entropy.h"

namespace latchkey::front {

constexpr std::string_view kCamera = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kSession = "fedcba9876543210fedcba9876543210";

inline std::string TokenText(char digit = 'a') {
  return "lk_" + std::string(64, digit);
}

inline std::string Header(const ports::HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

class FrontFixture {
 public:
  FrontFixture() : FrontFixture(FrontOptions{{"127.0.0.1", "localhost", "::1"}, 8480, false, false}) {}
  explicit FrontFixture(FrontOptions options) : entropy_(20), front(std::move(options), crypto, entropy_) {}

  ports::HttpRequest Request(ports::HttpMethod method, std::string path, std::string token = TokenText()) {
    ports::HttpRequest request;
    request.method = method;
    request.path = std::move(path);
    request.host = "127.0.0.1:8480";
    request.peer = {IpAddress::V4({127, 0, 0, 1}), 40000};
    request.local = {IpAddress::V4({127, 0, 0, 1}), 8480};
    if (!token.empty()) request.authorization = "Bearer " + token;
    return request;
  }
  ports::HttpRequest Offer(std::string_view endpoint, std::string token = TokenText()) {
    auto request = Request(ports::HttpMethod::kPost, "/" + std::string(endpoint) + "/" + std::string(kCamera),
                           std::move(token));
    request.content_type = "application/sdp";
    request.body = "v=0\r\n";
    return request;
  }
  ports::HttpRequest Patch() {
    auto request = Request(ports::HttpMethod::kPatch, "/session/" + std::string(kSession));
    request.content_type = "application/trickle-ice-sdpfrag";
    request.if_match = "\"tag\"";
    request.body = "a=ice-ufrag:x\r\n";
    return request;
  }

  ports::HttpExchange Send(ports::HttpRequest request) {
    exchange_ = exchange_.Next();
    front.HandleHttp(exchange_, std::move(request), now);
    Collect();
    return exchange_;
  }
  void Hear(wire::KeeperToFront message) {
    front.HandleKeeper(std::move(message), now);
    Collect();
  }
  void Collect() {
    for (FrontEffect& effect : front.TakeEffects()) {
      if (auto* reply = std::get_if<Reply>(&effect)) replies.push_back(std::move(*reply));
      if (auto* text = std::get_if<SocketText>(&effect)) texts.push_back(std::move(*text));
      if (auto* end = std::get_if<SocketEnd>(&effect)) ends.push_back(std::move(*end));
      if (auto* message = std::get_if<wire::FrontToKeeper>(&effect)) asked.push_back(std::move(*message));
    }
    REQUIRE(front.IsConsistent());
  }
  // The one reply so far, taken.
  Reply OnlyReply() {
    REQUIRE(replies.size() == 1);
    Reply reply = std::move(replies.front());
    replies.clear();
    return reply;
  }
  ports::HttpResponse Answer(ports::HttpRequest request) {
    const auto exchange = Send(std::move(request));
    Reply reply = OnlyReply();
    REQUIRE(reply.exchange == exchange);
    return std::move(reply.response);
  }
  // The newest question to the keeper, which must be a Message.
  template <class Message>
  const Message& Asked() {
    REQUIRE_FALSE(asked.empty());
    const auto* message = std::get_if<Message>(&asked.back());
    REQUIRE(message != nullptr);
    return *message;
  }

  platform::OpenSslCrypto crypto;

 private:
  test::SeededEntropy entropy_;
  ports::HttpExchange exchange_;

 public:
  Instant now{hours(1)};
  Front front;
  std::vector<Reply> replies;
  std::vector<SocketText> texts;
  std::vector<SocketEnd> ends;
  std::vector<wire::FrontToKeeper> asked;
};

}  // namespace latchkey::front
