// ports::DtlsFactory as a script, since OpenSSL's timer reads the wall clock (ports/dtls.h):
//
//   client                              server
//     hello {fingerprint, nonce}  ------>         a fingerprint that is not the expected one: kFailed
//                                 <------  answer {fingerprint, nonce}
//     finish {proof}              ------>         a proof of other keys is ignored
//   and "closed" either way, with the same proof.
//
// Both sides repeat what is not answered. Keys follow from both fingerprints and both nonces; whoever sees
// the datagrams knows them too, so this is a stand-in for cost and clock alone.
#pragma once

#include "daemon/ports/dtls.h"
#include "daemon/ports/entropy.h"

namespace latchkey::sim {

class ScriptedDtlsFactory final : public ports::DtlsFactory {
 public:
  static constexpr Duration kRepeat = milliseconds(400);  // doubled each time, up to kLongestRepeat
  static constexpr Duration kLongestRepeat = seconds(2);

  explicit ScriptedDtlsFactory(ports::Entropy& entropy) : entropy_(entropy) { entropy_.Fill(fingerprint_); }
  [[nodiscard]] ports::Fingerprint LocalFingerprint() const override { return fingerprint_; }
  [[nodiscard]] Result<std::unique_ptr<ports::DtlsSession>> Make(
      ports::DtlsRole role, const ports::Fingerprint& expected_peer) override;

 private:
  ports::Entropy& entropy_;
  ports::Fingerprint fingerprint_{};
};

}  // namespace latchkey::sim
