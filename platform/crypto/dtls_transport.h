// Datagrams in memory under OpenSSL's DTLS: a BIO that keeps their borders. Private to platform/crypto.
#pragma once

#include <deque>
#include <optional>

#include "daemon/base/bytes.h"
#include "platform/crypto/openssl_ptr.h"

namespace latchkey::platform {

// Datagrams that wait to be polled; one more drops the oldest, as a network would. A flight has at most 4.
constexpr std::size_t kDtlsMaxPending = 32;

class DtlsTransport {
 public:
  // The BIO's type, to be kept for as long as any transport lives.
  static BioMethodPtr MakeMethod();

  // A BIO over this object, which must outlive it. The caller's to free.
  BIO* MakeBio(const BIO_METHOD* method);

  // What the next read brings; nothing else waits.
  void SetInput(ByteView datagram) { input_ = datagram; }
  void ClearInput() { input_ = {}; }
  std::optional<ByteVector> Poll();
  // Forgets what waits to be polled and begins with a record of this type (RFC 6347 4.1).
  void DropOutput(std::uint8_t record_type);

 private:
  static int Read(BIO* bio, char* out, int size);
  static int Write(BIO* bio, const char* bytes, int size);
  static long Control(BIO* bio, int command, long argument, void* pointer);

  ByteView input_;
  std::deque<ByteVector> output_;
};

}  // namespace latchkey::platform
