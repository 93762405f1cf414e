// The real crypto, randomness, DTLS and SRTP behind a session.
#pragma once

#include <memory>
#include <string>

#include "daemon/base/result.h"
#include "platform/crypto/dtls.h"
#include "platform/crypto/openssl_crypto.h"
#include "platform/crypto/srtp.h"
#include "platform/crypto/system_entropy.h"
#include "tools/media/peer_transport.h"

namespace latchkey::media {

// One for a program; outlives its sessions. All of them show the same certificate.
class RealPorts {
 public:
  // `key_file`: where the certificate's key is kept; empty: it is another each time.
  static Result<std::unique_ptr<RealPorts>> Make(const std::string& key_file = {}) {
    std::unique_ptr<RealPorts> ports(new RealPorts());
    auto dtls = key_file.empty() ? platform::OpenSslDtlsFactory::Create(ports->entropy_)
                                 : platform::OpenSslDtlsFactory::CreateKept(key_file, ports->entropy_);
    if (!dtls) return tl::unexpected(dtls.error());
    ports->dtls_ = std::move(*dtls);
    return ports;
  }
  [[nodiscard]] const ports::PublicKeyDigest& public_key() const { return dtls_->LocalPublicKey(); }
  [[nodiscard]] SessionPorts session() { return {crypto_, entropy_, *dtls_, srtp_}; }

 private:
  RealPorts() = default;
  platform::OpenSslCrypto crypto_;
  platform::SystemEntropy entropy_;
  platform::LibSrtpFactory srtp_;
  std::unique_ptr<platform::OpenSslDtlsFactory> dtls_;
};

}  // namespace latchkey::media
