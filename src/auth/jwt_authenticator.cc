#include "auth/jwt_authenticator.h"

#include "auth/basic.h"
#include "auth/jwt_verify.h"

namespace stateward {
namespace {

constexpr const char* kClaim = "terraform-backend";

AuditIdentity TokenAudit(const VerifiedToken& token) {
  AuditIdentity audit;
  audit.way = "token";
  audit.issuer = token.issuer;
  audit.claims = {{"sub", token.subject}};
  return audit;
}

}  // namespace

bool ClaimNames(const JsonObject& claims, const StateKey& key) {
  std::optional<JsonObject> claim = claims.Object(kClaim);
  if (!claim) return false;
  std::optional<std::string> project = claim->String("project");
  std::optional<std::string> state = claim->String("state");
  if (!project || !state) return false;
  return *project == key.project && (*state == key.name || *state == "*");
}

bool IsTokenCredential(const Credentials& credentials) {
  return credentials.bearer || credentials.user == "jwt" ||
         LooksLikeToken(credentials.secret.Reveal());
}

Grant TokenGrant(const VerifiedToken& token, const StateKey& key) {
  Grant grant;
  grant.key = key;
  grant.principal = token.Principal();
  grant.legacy_ids.push_back(LegacyId(key));
  grant.legacy_ambiguous = IsLegacyAmbiguous(key);
  grant.identity = TokenAudit(token);
  grant.token_sha256 = token.token_sha256;
  grant.expired = token.expired;
  grant.token_ends_s = token.expires_s;
  return grant;
}

bool IsWithinGrace(const VerifiedToken& token, Verb verb, int64_t grace_s, int64_t now_s) {
  bool may = verb == Verb::kRead || verb == Verb::kWrite || verb == Verb::kUnlock;
  return may && now_s < token.expires_s + grace_s;
}

Result<Grant> JwtAuthenticator::Authorize(const Credentials& credentials, const StateKey& key,
                                          Verb verb) {
  Result<VerifiedToken> token = verifier_.Verify(credentials.secret);
  if (!token.ok()) return std::move(token).status();
  if (token->expired && !IsWithinGrace(*token, verb, grace_s_, clock_.NowMs() / 1000)) {
    return Status(Code::kUnauthenticated, "claims: exp has passed");
  }
  if (!ClaimNames(token->claims, key)) {
    return Status(
        Code::kPermissionDenied,
        "claims: terraform-backend is missing or names another state (" + token->Principal() + ")");
  }
  Grant grant = TokenGrant(*token, key);
  grant.rights = Rights::All();
  return grant;
}

Result<Identity> JwtAuthenticator::Identify(const Credentials& credentials) {
  Result<VerifiedToken> token = verifier_.Verify(credentials.secret);
  if (!token.ok()) return std::move(token).status();
  if (token->expired) return Status(Code::kUnauthenticated, "claims: exp has passed");
  Identity identity;
  identity.principal = token->Principal();
  identity.address = credentials.address;
  identity.audit = [audit = TokenAudit(*token)](const StateKey& /*key*/) { return audit; };
  identity.rights = [claims = std::move(token->claims)](const StateKey& key) {
    return key.tenant.empty() && ClaimNames(claims, key) ? Rights::All() : Rights();
  };
  return identity;
}

}  // namespace stateward
