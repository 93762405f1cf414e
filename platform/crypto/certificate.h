// This process's own DTLS identity. Private to platform/crypto.
#pragma once

#include "daemon/base/result.h"
#include "daemon/ports/dtls.h"
#include "daemon/ports/entropy.h"
#include "platform/crypto/openssl_ptr.h"

namespace latchkey::platform {

struct Identity {
  KeyPtr key;
  CertificatePtr certificate;
};

// ECDSA P-256, self-signed with SHA-256, CN "latchkey", random 64-bit serial, valid from a day ago (hubs
// without a clock battery start in the past) for 30 days.
// For `key`, or for a fresh one.
Result<Identity> MakeIdentity(ports::Entropy& entropy, KeyPtr key = nullptr);

// SHA-256 of the DER form.
ports::Fingerprint FingerprintOf(const X509* certificate);

// SHA-256 of its SubjectPublicKeyInfo in DER. kSystem when OpenSSL can't write it.
Result<ports::PublicKeyDigest> PublicKeyOf(const X509* certificate);

}  // namespace latchkey::platform
