#include "platform/crypto/dtls_transport.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "daemon/base/check.h"
#include "platform/crypto/dtls.h"

namespace latchkey::platform {
namespace {
DtlsTransport& TransportOf(BIO* bio) {
  return *static_cast<DtlsTransport*>(BIO_get_data(bio));
}
}  // namespace

BioMethodPtr DtlsTransport::MakeMethod() {
  BioMethodPtr method(BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "latchkey datagrams"));
  LATCHKEY_CHECK(method != nullptr);
  LATCHKEY_CHECK(BIO_meth_set_read(method.get(), &DtlsTransport::Read) == 1);
  LATCHKEY_CHECK(BIO_meth_set_write(method.get(), &DtlsTransport::Write) == 1);
  LATCHKEY_CHECK(BIO_meth_set_ctrl(method.get(), &DtlsTransport::Control) == 1);
  return method;
}

BIO* DtlsTransport::MakeBio(const BIO_METHOD* method) {
  BIO* bio = BIO_new(method);
  LATCHKEY_CHECK(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  return bio;
}

std::optional<ByteVector> DtlsTransport::Poll() {
  if (output_.empty()) return std::nullopt;
  ByteVector datagram = std::move(output_.front());
  output_.pop_front();
  return datagram;
}

void DtlsTransport::DropOutput(std::uint8_t record_type) {
  std::erase_if(output_, [=](const ByteVector& d) { return !d.empty() && d.front() == record_type; });
}

int DtlsTransport::Read(BIO* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  DtlsTransport& self = TransportOf(bio);
  if (self.input_.empty() || size <= 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  // A datagram is read once: what doesn't fit is lost, as from a socket.
  const std::size_t taken = std::min(self.input_.size(), static_cast<std::size_t>(size));
  std::memcpy(out, self.input_.data(), taken);
  self.input_ = {};
  return static_cast<int>(taken);
}

int DtlsTransport::Write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  if (size <= 0) return 0;
  DtlsTransport& self = TransportOf(bio);
  LATCHKEY_CHECK(static_cast<std::size_t>(size) <= kDtlsMtu);
  if (self.output_.size() == kDtlsMaxPending) self.output_.pop_front();
  const ByteView datagram = AsBytes({bytes, static_cast<std::size_t>(size)});
  self.output_.emplace_back(datagram.begin(), datagram.end());
  return size;
}

long DtlsTransport::Control(BIO* /*bio*/, int command, long /*argument*/, void* /*pointer*/) {
  switch (command) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT: return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU: return static_cast<long>(kDtlsMtu);
    default:  // of an open set of commands; 0 is "not supported" and "no bytes pending"
      return 0;
  }
}

}  // namespace latchkey::platform
