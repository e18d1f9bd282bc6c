#include "auth/policy_auth.h"

#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "auth/basic.h"
#include "auth/jwt_verify.h"
#include "auth/near_miss.h"
#include "auth/roles.h"
#include "base/hex.h"
#include "base/sha256.h"

namespace stateward {

struct PolicyAuthenticator::Who {
  SubjectKind kind = SubjectKind::kUser;
  std::string name;
  std::string principal;
  std::optional<JsonObject> claims;
  std::string token_sha256;
  bool expired = false;
  int64_t token_ends_s = 0;

  Subject AsSubject() const { return {kind, name, claims ? &*claims : nullptr}; }
};

namespace {

// What names a run of a CI, whether a rule asked for it or not: GitHub's and GitLab's names.
constexpr const char* kRunClaims[] = {"sub",    "repository",   "ref",         "workflow_ref",
                                      "run_id", "project_path", "pipeline_id", "job_id",
                                      "actor",  "user_login",   "environment"};

AuditIdentity IdentityOf(const Subject& subject, const Decision& decision) {
  constexpr const char* kWays[] = {"token", "password", "machine token", "certificate", "proxy"};
  AuditIdentity identity;
  identity.way = kWays[static_cast<size_t>(subject.kind)];
  identity.rule = RuleNames(decision);
  if (subject.claims == nullptr) return identity;
  identity.issuer = subject.name;
  std::set<std::string> names(std::begin(kRunClaims), std::end(kRunClaims));
  for (const Rule* rule : decision.rules) {
    for (const ClaimRule& claim : rule->claims) names.insert(claim.claim);
  }
  for (const std::string& name : names) {
    std::optional<std::string> value = subject.claims->String(name);
    if (!value) value = subject.claims->Number(name);
    if (const std::optional<bool> flag = subject.claims->Bool(name))
      value = *flag ? "true" : "false";
    if (value) identity.claims.emplace_back(name, std::move(*value));
  }
  return identity;
}

Status Unknown(const char* why) { return {Code::kUnauthenticated, why}; }

}  // namespace

Grant IdentifiedGrant(const StateKey& key, const Decision& decision) {
  Grant grant;
  grant.key = key;
  grant.key.tenant.clear();
  grant.legacy_ids.push_back(LegacyId(grant.key));
  grant.legacy_ambiguous = IsLegacyAmbiguous(grant.key);
  grant.rights = decision.rights;
  grant.sensitive_outputs = decision.sensitive;
  return grant;
}

Result<std::shared_ptr<TokenVerifier>> PolicyAuthenticator::Verifier(const Policy& policy) {
  std::shared_ptr<TokenVerifier> before;  // destroyed outside of the lock
  std::lock_guard<std::mutex> hold(verifier_mutex_);
  if (opened_ && issuers_ == policy.issuers) return verifier_;
  if (!open_) return std::shared_ptr<TokenVerifier>();
  Result<std::shared_ptr<TokenVerifier>> made = open_(policy.issuers);
  // Settings that are wrong (a CA file that is not there) can be mended: nothing is known
  // meanwhile.
  if (!made.ok()) return Status::Unavailable("issuers: " + made.status().detail());
  before = std::move(verifier_);
  verifier_ = std::move(*made);
  issuers_ = policy.issuers;
  opened_ = true;
  return verifier_;
}

Status PolicyAuthenticator::CheckAge(int64_t expired_s) const {
  const int64_t age_s = clock_.NowMs() / 1000 - expired_s;
  return grace_s_ == 0 || age_s > grace_s_ ? Unknown("the token has expired") : Status();
}

Result<PolicyAuthenticator::Who> PolicyAuthenticator::IdentifyToken(const Policy& policy,
                                                                    const SecretString& token) {
  Result<std::shared_ptr<TokenVerifier>> verifier = Verifier(policy);
  if (!verifier.ok()) return std::move(verifier).status();
  if (*verifier == nullptr) return Unknown("a token, and no issuer is known");
  Result<VerifiedToken> verified = (*verifier)->Verify(token);
  if (!verified.ok()) return std::move(verified).status();
  if (verified->expired) STATEWARD_RETURN_IF_ERROR(CheckAge(verified->expires_s));
  Who who;
  who.kind = SubjectKind::kIssuer;
  who.name = verified->issuer;
  who.principal = verified->Principal();
  who.claims = std::move(verified->claims);
  who.token_sha256 = std::move(verified->token_sha256);
  who.expired = verified->expired;
  who.token_ends_s = verified->expires_s;
  return who;
}

Result<PolicyAuthenticator::Who> PolicyAuthenticator::IdentifyMachine(const Policy& policy,
                                                                      const SecretString& token) {
  const PolicyToken* found = Logins::FindToken(policy, token);
  if (found == nullptr) return Unknown("no such machine token");
  Who who;
  who.kind = SubjectKind::kToken;
  who.name = found->name;
  who.principal = "token:" + found->name;
  who.token_ends_s = found->expires_s;
  if (found->expires_s == 0) return who;
  who.token_sha256 = HexEncode(found->sha256);
  who.expired = clock_.NowMs() / 1000 >= found->expires_s;
  if (who.expired) STATEWARD_RETURN_IF_ERROR(CheckAge(found->expires_s));
  return who;
}

Result<PolicyAuthenticator::Who> PolicyAuthenticator::FindWho(const Policy& policy,
                                                              const Credentials& credentials) {
  Who who;
  if (!credentials.proxy_user.empty()) {
    who.kind = SubjectKind::kProxyUser;
    who.name = credentials.proxy_user;
    who.principal = "proxy:" + who.name;
    return who;
  }
  if (!credentials.certificate.empty()) {
    who.kind = SubjectKind::kCertificate;
    who.name = credentials.certificate;
    who.principal = "cert:" + who.name;
    return who;
  }
  std::string_view secret = credentials.secret.Reveal();
  if (secret.substr(0, kTokenPrefix.size()) == kTokenPrefix) {
    return IdentifyMachine(policy, credentials.secret);
  }
  if (credentials.bearer || credentials.user == "jwt" || LooksLikeToken(secret)) {
    return IdentifyToken(policy, credentials.secret);
  }
  STATEWARD_RETURN_IF_ERROR(
      logins_.CheckPassword(policy, credentials.user, credentials.secret, credentials.address));
  who.name = credentials.user;
  who.principal = "user:" + who.name;
  return who;
}

Result<PolicyAuthenticator::Who> PolicyAuthenticator::Prove(const Credentials& credentials,
                                                            std::shared_ptr<const Policy>* policy) {
  *policy = file_.Current();
  if (!file_.Loaded()) return Status::Unavailable("the policy file is no good, and none before it");
  return FindWho(**policy, credentials);
}

Result<Grant> PolicyAuthenticator::Authorize(const Credentials& credentials, const StateKey& key,
                                             Verb verb) {
  std::shared_ptr<const Policy> policy;
  Result<Who> who = Prove(credentials, &policy);
  if (!who.ok()) return std::move(who).status();
  Decision decision = Decide(policy->rules, who->AsSubject(), key.project, key.name);
  if (!Allows(decision.rights, verb)) {
    std::string why =
        who->principal + (decision.rights.Empty()
                              ? ": no rule lets it use this state"
                              : ": has only the role " + DescribeRights(decision.rights) + " here");
    const std::string miss =
        DescribeNearMiss(policy->rules, who->AsSubject(), key.project, key.name, verb);
    if (!miss.empty()) why += "; " + miss;
    return Status(Code::kPermissionDenied, std::move(why));
  }
  Grant grant = IdentifiedGrant(key, decision);
  grant.plan_locks = policy->PlanLocksOf(key.project, key.name);
  grant.principal = std::move(who->principal);
  grant.token_sha256 = std::move(who->token_sha256);
  grant.expired = who->expired;
  grant.token_ends_s = who->token_ends_s;
  grant.identity = IdentityOf(who->AsSubject(), decision);
  return grant;
}

Result<Identity> PolicyAuthenticator::Identify(const Credentials& credentials) {
  std::shared_ptr<const Policy> policy;
  Result<Who> proved = Prove(credentials, &policy);
  if (!proved.ok()) return std::move(proved).status();
  if (proved->expired) return Unknown("the token has expired");
  Identity identity;
  identity.principal = proved->principal;
  identity.address = credentials.address;
  auto who = std::make_shared<const Who>(std::move(*proved));
  identity.rights = [policy, who](const StateKey& key) {
    if (!key.tenant.empty()) return Rights();
    return Decide(policy->rules, who->AsSubject(), key.project, key.name).rights;
  };
  identity.audit = [policy, who](const StateKey& key) {
    const Subject subject = who->AsSubject();
    return IdentityOf(subject, Decide(policy->rules, subject, key.project, key.name));
  };
  identity.complete = [policy](Grant* grant) {
    grant->plan_locks = policy->PlanLocksOf(grant->key.project, grant->key.name);
  };
  identity.on_store = DecideStore(policy->rules, who->AsSubject(), nested_names_);
  return identity;
}

}  // namespace stateward
