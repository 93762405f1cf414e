#include "daemon/keeper/program_identity.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "daemon/keeper/words.h"
#include "daemon/wire/ipc_messages.h"
#include "platform/net/local_addresses.h"
#include "platform/store/secret_file.h"
#include "platform/store/text_file.h"

namespace latchkey::keeper {

static_assert(kMaxCertifiedNames <= platform::kMaxCertifiedNames);
namespace {

std::string MachineName() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

// What stands in the hub's own certificate: its names, then its addresses, as many as there may be.
std::vector<std::string> Certified(std::vector<std::string> names, const std::vector<IpAddress>& named) {
  for (const IpAddress& address : named.empty() ? platform::LocalAddresses(false) : named)
    names.push_back(address.ToString());
  if (names.size() > platform::kMaxCertifiedNames) names.resize(platform::kMaxCertifiedNames);
  return names;
}

std::string Named(const std::string& folder, const char* name) {
  return folder.empty() ? std::string() : folder + "/" + name;
}

bool IsThere(const std::string& path) {
  std::error_code ignored;
  return !path.empty() && std::filesystem::exists(path, ignored);
}

}  // namespace

Result<ProgramIdentity> ProgramIdentity::Load(const IdentityPlace& place, ports::Entropy& entropy,
                                              WallTime now) {
  ProgramIdentity identity(place);
  identity.names_ = HubNames(place.http, place.loopback, MachineName());
  if (place.loopback) return identity;
  const std::string certificate = Named(place.credentials, "http.certificate");
  const std::string key = Named(place.credentials, "http.key");
  if (!place.http.certificate.empty()) {
    identity.certificate_path_ = place.http.certificate;
    identity.key_path_ = place.http.key;
  } else if (IsThere(certificate) || IsThere(key)) {
    identity.certificate_path_ = certificate;
    identity.key_path_ = key;
    identity.key_is_credential_ = true;
  }
  const Status loaded = identity.HasOwn() ? identity.LoadOwn(now) : identity.LoadKept(entropy, now);
  if (!loaded) return tl::unexpected(loaded.error());
  return identity;
}

Status ProgramIdentity::LoadOwn(WallTime now) {
  auto certificate = platform::ReadTextFile(certificate_path_, wire::kMaxCertificate);
  if (!certificate) return tl::unexpected(certificate.error());
  if (!*certificate)
    return Fail(ErrorCode::kNotFound, "there is no certificate " + certificate_path_ + ": put it there");
  auto key = platform::ReadSecretTextFile(key_path_, wire::kMaxSecretText, !key_is_credential_);
  if (!key) {
    const bool unreadable = key.error().code == ErrorCode::kSystem;
    return Fail(
        key.error().code,
        key.error().message + (unreadable ? " (the daemon's own user has to be able to read it; or give it "
                                            "as a credential: LoadCredential=http.key:" +
                                                key_path_ + ")"
                                          : ""));
  }
  platform::TlsIdentity own{std::move(**certificate), std::move(*key)};
  if (auto fits = platform::CheckPair(own); !fits) {
    return Fail(fits.error().code, "the certificate " + certificate_path_ + " and the key " + key_path_ +
                                       ": " + fits.error().message);
  }
  auto facts = platform::ReadCertificate(own.certificate_pem);
  if (!facts) return Fail(facts.error().code, certificate_path_ + ": " + facts.error().message);
  if (now >= facts->not_after) {
    return Fail(ErrorCode::kInvalid,
                "the certificate " + certificate_path_ + " ended at " + FormatMoment(facts->not_after) +
                    ": renew it, or take it out of the configuration, and the hub makes its own");
  }
  identity_ = std::move(own);
  facts_ = std::move(*facts);
  return {};
}

Status ProgramIdentity::LoadKept(ports::Entropy& entropy, WallTime now) {
  const std::string path = place_.state + "/http.crt";
  auto kept = platform::ReadTextFile(path, wire::kMaxCertificate);
  if (!kept) return tl::unexpected(kept.error());
  const auto seed = platform::LoadSecret({place_.credentials, place_.state, "http.secret", !*kept,
                                          "the certificate http.crt", "remove http.crt as well"},
                                         entropy);
  if (!seed) return tl::unexpected(seed.error());
  auto key = platform::TlsKeyFromSeed(*seed);
  if (!key)
    return Fail(key.error().code,
                place_.state + "/http.secret: " + key.error().message + ": remove it and http.crt");
  identity_.key_pem = std::move(*key);
  identity_.certificate_pem = kept->value_or("");
  // One of another key, or that is none, is as good as none.
  const auto facts = platform::ReadCertificate(identity_.certificate_pem);
  facts_ = facts && platform::CheckPair(identity_) ? *facts : platform::CertificateFacts();
  return Renew(now);
}

Status ProgramIdentity::Renew(WallTime now) {
  const std::vector<std::string> wanted = Certified(names_, place_.addresses);
  if (!IsRenewalDue(facts_.names, facts_.not_after, wanted, now)) return {};
  auto made = platform::MakeSelfSigned(identity_.key_pem, RenewedNames(wanted, facts_.names), now);
  if (!made) return tl::unexpected(made.error());
  auto facts = platform::ReadCertificate(*made);
  if (!facts) return tl::unexpected(facts.error());
  if (auto kept = platform::WriteTextFile(place_.state, place_.state + "/http.crt", *made); !kept)
    return kept;
  identity_.certificate_pem = std::move(*made);
  facts_ = std::move(*facts);
  return {};
}

HttpIdentity ProgramIdentity::Get() const {
  HttpIdentity identity;
  identity.names = names_;
  identity.certificate = identity_.certificate_pem;
  identity.key = identity_.key_pem.Duplicate();
  identity.view = {FingerprintText(facts_.fingerprint),
                   internal::HexEncode(facts_.public_key),
                   facts_.names,
                   facts_.not_before,
                   facts_.not_after,
                   HasOwn()};
  return identity;
}

bool ProgramIdentity::Refresh(platform::Logger& log, Instant now, WallTime wall) {
  if (!looked_at_) looked_at_ = now;  // it was just loaded
  if (place_.loopback || now - *looked_at_ < kIdentityPeriod) return false;
  looked_at_ = now;
  const auto before = facts_.fingerprint;
  // The one that is there goes on.
  if (const Status looked = HasOwn() ? LoadOwn(wall) : Renew(wall); !looked)
    log.Warning("the hub's certificate could not be renewed", {{"error", looked.error().message}});
  if (HasOwn() && wall >= facts_.not_after - kRenewBefore / 2)
    log.Warning("the hub's certificate ends soon", {{"at", FormatMoment(facts_.not_after)}});
  return facts_.fingerprint != before;
}

}  // namespace latchkey::keeper
