#include "auth/basic.h"

#include "auth/logins.h"
#include "base/hex.h"
#include "base/sha256.h"

namespace stateward {
namespace {

// A secret is typed or generated; nobody has one of more than some hundred bytes.
constexpr size_t kMaxSecret = 4096;

std::string DigestOf(std::string_view tag, ByteView text) {
  Sha256Stream stream;
  stream.Update(tag);
  stream.Update(text);
  return HexEncode(stream.Finish());
}

Status CheckSecret(const Credentials& credentials) {
  if (!credentials.secret.empty() && credentials.secret.size() <= kMaxSecret) return Status();
  return {Code::kUnauthenticated, "basic: the secret must be 1 to 4096 bytes"};
}

AuditIdentity BasicAudit() {
  AuditIdentity audit;
  audit.way = "basic";
  return audit;
}

std::string TenantOf(const SecretString& secret) {
  return DigestOf("stateward tenant v1:", secret.Reveal());
}

}  // namespace

bool BasicAuthenticator::Takes(const Credentials& credentials) const {
  return Authenticator::Takes(credentials) &&
         !(leaves_tokens_ && IsTokenText(credentials.secret.Reveal()));
}

Result<Grant> BasicAuthenticator::Authorize(const Credentials& credentials, const StateKey& key,
                                            Verb verb) {
  STATEWARD_RETURN_IF_ERROR(CheckSecret(credentials));
  Grant grant;
  grant.key = key;
  grant.key.tenant = TenantOf(credentials.secret);
  grant.address = credentials.address;
  grant.principal = "basic";
  grant.identity = BasicAudit();
  Result<std::string> name = name_(grant.key.tenant);
  const bool reads = verb == Verb::kRead || verb == Verb::kOutputs;
  if (!name.ok() && !reads) return std::move(name).status().At("basic");
  if (name.ok()) grant.principal += ":" + *name;
  grant.legacy_ids.push_back(LegacyId(credentials.secret, key));
  grant.legacy_ambiguous = IsLegacyAmbiguous(key);
  grant.rights = Rights::All();  // of this namespace
  return grant;
}

Result<Identity> BasicAuthenticator::Identify(const Credentials& credentials) {
  STATEWARD_RETURN_IF_ERROR(CheckSecret(credentials));
  Identity identity;
  identity.tenant = TenantOf(credentials.secret);
  identity.address = credentials.address;
  Result<std::string> name = name_(identity.tenant);
  if (!name.ok()) return std::move(name).status().At("basic");
  identity.principal = "basic:" + *name;
  identity.rights = [tenant = identity.tenant](const StateKey& key) {
    return key.tenant == tenant ? Rights::All() : Rights();
  };
  identity.audit = [audit = BasicAudit()](const StateKey& /*key*/) { return audit; };
  identity.complete = [tenant = identity.tenant, secret = credentials.secret](Grant* grant) {
    if (grant->key.tenant == tenant) grant->legacy_ids = {LegacyId(secret, grant->key)};
  };
  return identity;
}

std::string LegacyId(const StateKey& key) {
  return HexEncode(Sha256(key.project + "-" + key.name));
}

std::string LegacyId(const SecretString& secret, const StateKey& key) {
  Sha256Stream stream;
  stream.Update(secret.Reveal());
  stream.Update(":" + LegacyId(key));
  return HexEncode(stream.Finish());
}

bool IsLegacyAmbiguous(const StateKey& key) {
  std::string joined = key.project + "-" + key.name;
  for (size_t i = 1; i + 1 < joined.size(); ++i) {
    if (joined[i] != '-' || i == key.project.size()) continue;
    std::string_view left(joined.data(), i);
    std::string_view right(joined.data() + i + 1, joined.size() - i - 1);
    bool names = left != "." && left != ".." && right != "." && right != ".." &&
                 left.size() <= 128 && right.size() <= 128;
    if (names) return true;
  }
  return false;
}

}  // namespace stateward
