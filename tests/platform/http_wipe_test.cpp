// A token lives as long as its request: this program looks into every block that is given back.
#include <malloc.h>

#include <cstdlib>
#include <new>
#include <string_view>

#include "tests/platform/http_client.h"

namespace {
bool watching = false;
std::size_t leaked = 0;
constexpr std::string_view kMarker = "lk_5ec12e7";

void Release(void* memory) {
  if (watching && memory != nullptr) {
    const std::string_view block(static_cast<const char*>(memory), ::malloc_usable_size(memory));
    if (block.find(kMarker) != std::string_view::npos) ++leaked;
  }
  std::free(memory);
}
}  // namespace

// All forms are replaced together: a sanitizer minds when one side of a pair is its own.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size);
}
void* operator new(std::size_t size) {
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) {
  return operator new(size);
}
void operator delete(void* memory) noexcept {
  Release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  Release(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  Release(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  Release(memory);
}
void operator delete[](void* memory) noexcept {
  Release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  Release(memory);
}

namespace latchkey::platform {
namespace {

#define LATCHKEY_TOKEN_FIELD \
  "Host: h\r\nAuthorization: Bearer lk_5ec12e75ec12e75ec12e75ec12e75ec12e75ec12e75ec12e75ec12e75ec12e7\r\n"

// Past RawClient's own buffer, which would hold a copy.
void SendPast(RawClient& client, std::string_view text) {
  REQUIRE(::send(client.fd(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

TEST_CASE("http: no memory that a request gives back holds its token") {
  leaked = 0;
  {
    HttpFixture f;
    RawClient client(f.server->port());
    watching = true;
    SECTION("answered") {
      SendPast(client, "POST /p HTTP/1.1\r\n" LATCHKEY_TOKEN_FIELD "Content-Length: 2\r\n\r\nab");
      REQUIRE(f.Until(client, [&] { return client.Status() == 200; }));
      f.handler.requests.clear();
    }
    SECTION("refused") {
      SendPast(client, "POST /p HTTP/1.1\r\n" LATCHKEY_TOKEN_FIELD "Content-Length: 99999\r\n\r\n");
      REQUIRE(f.Until(client, [&] { return client.Status() == 413; }));
    }
    SECTION("no WebSocket") {
      SendPast(client, "GET /x HTTP/1.1\r\n" LATCHKEY_TOKEN_FIELD
                       "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
      REQUIRE(f.Until(client, [&] { return client.Status() == 404; }));
    }
    SECTION("given up in its body") {
      SendPast(client, "POST /p HTTP/1.1\r\n" LATCHKEY_TOKEN_FIELD "Content-Length: 9\r\n\r\nab");
      REQUIRE(RunUntil(f.loop, [&] { return f.server->connections() == 1; }));
      (void)f.loop.RunOnce(false);
      client.Close();
      REQUIRE(RunUntil(f.loop, [&] { return f.server->connections() == 0; }));
    }
  }
  watching = false;
  CHECK(leaked == 0);
}

}  // namespace
}  // namespace latchkey::platform
