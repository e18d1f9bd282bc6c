#include "auth/jwt_verify.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <strings.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "auth/ecdsa_signature.h"
#include "base/base64.h"

namespace stateward {
namespace {

constexpr size_t kMaxDepth = 16;
constexpr size_t kMaxKid = 256;
// OpenID Connect says 255 ASCII characters; GitHub's subjects can be made longer.
constexpr size_t kMaxSubject = 1024;
// Keys of one kid and algorithm that are tried: an issuer that gives each key the same name has two
// of them while it changes keys.
constexpr size_t kMaxCandidates = 4;
constexpr int64_t kLastSecond = 253402300799;  // of the year 9999

Status Refuse(std::string why) { return {Code::kUnauthenticated, std::move(why)}; }

bool IsUrlDigit(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

bool EqualNoCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

struct Parts {
  std::string_view header, payload, signature;
};

Result<Parts> Split(std::string_view token) {
  if (token.empty()) return Refuse("token: empty");
  if (token.size() > kMaxTokenBytes) return Refuse("token: longer than 16 KiB");
  auto dots = std::count(token.begin(), token.end(), '.');
  if (dots == 4) return Refuse("token: encrypted");
  if (dots != 2) return Refuse("token: not three parts");
  size_t first = token.find('.');
  size_t second = token.find('.', first + 1);
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
               token.substr(second + 1)};
}

Result<JsonObject> ReadObject(std::string_view part, const char* name) {
  std::optional<SecretBytes> text = Base64UrlDecode(part);
  if (!text) return Refuse(std::string(name) + ": not base64url");
  Result<JsonObject> object = ParseSmallJson(*text, {kMaxTokenBytes, kMaxDepth});
  if (!object.ok()) return Refuse(std::string(name) + ": " + object.status().detail());
  return object;
}

// What would change the meaning of the rest, and what we therefore have to know or refuse.
Status CheckExtensions(const JsonObject& header) {
  if (header.Has("crit")) return Refuse("header: crit is not understood");
  if (header.Has("b64")) return Refuse("header: b64 is not understood");
  if (header.Has("zip")) return Refuse("header: zip is not understood");
  if (header.Has("enc")) return Refuse("header: enc is not understood");
  if (header.Has("cty")) return Refuse("header: a token within a token");
  if (!header.Has("typ")) return Status();
  std::optional<std::string> typ = header.String("typ");
  if (!typ) return Refuse("header: typ is not text");
  for (std::string_view known : {"JWT", "at+jwt", "application/jwt", "application/at+jwt"}) {
    if (EqualNoCase(*typ, known)) return Status();
  }
  return Refuse("header: typ is neither JWT nor at+jwt");
}

Result<JwtAlg> ReadAlg(const JsonObject& header) {
  if (!header.Has("alg")) return Refuse("header: no alg");
  std::optional<std::string> name = header.String("alg");
  if (!name) return Refuse("header: alg is not text");
  if (EqualNoCase(*name, "none")) return Refuse("header: alg none");
  if (EqualNoCase(std::string_view(*name).substr(0, 2), "HS")) {
    return Refuse("header: a symmetric alg");
  }
  const JwtAlg* alg = FindJwtAlg(*name);
  if (alg == nullptr) return Refuse("header: an alg that is not taken");
  return *alg;
}

Result<std::string> ReadKid(const JsonObject& header) {
  if (!header.Has("kid")) return std::string();
  std::optional<std::string> kid = header.String("kid");
  if (!kid) return Refuse("header: kid is not text");
  if (kid->empty() || kid->size() > kMaxKid) return Refuse("header: kid is not of 1 to 256 bytes");
  return *kid;
}

const EVP_MD* DigestOf(JwtAlg alg) {
  switch (alg) {
    case JwtAlg::kRs256:
    case JwtAlg::kPs256:
    case JwtAlg::kEs256:
      return EVP_sha256();
    case JwtAlg::kRs384:
    case JwtAlg::kEs384:
      return EVP_sha384();
    case JwtAlg::kRs512:
    case JwtAlg::kEs512:
      return EVP_sha512();
    case JwtAlg::kEdDsa:
      break;
  }
  return nullptr;  // Ed25519 has its own
}

bool IsEcdsa(JwtAlg alg) {
  return alg == JwtAlg::kEs256 || alg == JwtAlg::kEs384 || alg == JwtAlg::kEs512;
}

bool SetPss(EVP_PKEY_CTX* context) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

Status VerifyWith(EVP_PKEY* key, JwtAlg alg, ByteView text, ByteView signature) {
  Bytes der;
  if (IsEcdsa(alg)) {
    Result<Bytes> converted = EcdsaToDer(key, signature);
    if (!converted.ok()) return std::move(converted).status();
    der = std::move(*converted);
    signature = der;
  } else if (signature.size() != static_cast<size_t>(EVP_PKEY_get_size(key))) {
    return Refuse("signature: wrong length");
  }
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> md(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_PKEY_CTX* context = nullptr;  // belongs to md
  bool ready = md && EVP_DigestVerifyInit(md.get(), &context, DigestOf(alg), nullptr, key) == 1 &&
               (alg != JwtAlg::kPs256 || SetPss(context));
  int verdict = ready ? EVP_DigestVerify(md.get(), signature.data(), signature.size(), text.data(),
                                         text.size())
                      : -1;
  ERR_clear_error();
  return verdict == 1 ? Status() : Refuse("signature: wrong");
}

// Digits, with a fraction perhaps; whole seconds. nullopt: anything else, or beyond the year 9999.
std::optional<int64_t> ReadSeconds(std::string_view number) {
  size_t point = std::min(number.find('.'), number.size());
  if (number.find_first_not_of("0123456789.") != number.npos) return std::nullopt;
  std::optional<uint64_t> whole = ParseUint64(number.substr(0, point));
  if (!whole || *whole > static_cast<uint64_t>(kLastSecond)) return std::nullopt;
  return static_cast<int64_t>(*whole);
}

// 0 when it is absent.
Result<int64_t> ReadTime(const JsonObject& claims, const char* name) {
  if (!claims.Has(name)) return int64_t{0};
  std::optional<std::string> number = claims.Number(name);
  if (!number) return Refuse(std::string("claims: ") + name + " is not a number");
  std::optional<int64_t> seconds = ReadSeconds(*number);
  if (!seconds) return Refuse(std::string("claims: ") + name + " is no plain number of seconds");
  return *seconds;
}

Status CheckAudience(const JsonObject& claims, const TokenRules& rules) {
  if (rules.any_audience) return Status();
  if (!claims.Has("aud")) return Refuse("claims: no aud");
  std::vector<std::string> named;
  if (std::optional<std::string> one = claims.String("aud")) {
    named.push_back(std::move(*one));
  } else if (auto list = claims.Strings("aud")) {
    named = std::move(*list);
  } else {
    return Refuse("claims: aud is neither text nor a list of texts");
  }
  for (const std::string& ours : rules.audiences) {
    if (std::find(named.begin(), named.end(), ours) != named.end()) return Status();
  }
  return Refuse("claims: aud names no audience of this server");
}

Status CheckSubject(const JsonObject& claims) {
  if (!claims.Has("sub")) return Refuse("claims: no sub");
  std::optional<std::string> subject = claims.String("sub");
  if (!subject) return Refuse("claims: sub is not text");
  if (subject->empty()) return Refuse("claims: sub is empty");
  if (subject->size() > kMaxSubject) return Refuse("claims: sub is longer than 1024 bytes");
  return Status();
}

// The keys that may have signed it, or why there is none.
Result<std::vector<const VerifyKey*>> Candidates(const ParsedToken& token, const KeySet& keys) {
  std::vector<const VerifyKey*> out;
  for (const VerifyKey& key : keys.keys()) {
    if (!key.May(token.alg) || (!token.kid.empty() && key.kid != token.kid)) continue;
    out.push_back(&key);
  }
  if (token.kid.empty()) {
    if (out.empty()) return Refuse("signature: no key is for this alg");
    if (out.size() > 1) return Refuse("signature: no kid, and several keys are for this alg");
  } else if (out.empty()) {
    return keys.HasKid(token.kid) ? Refuse("signature: the key is not for this alg")
                                  : Refuse("signature: no key has this kid");
  }
  if (out.size() > kMaxCandidates) out.resize(kMaxCandidates);
  return out;
}

}  // namespace

bool LooksLikeToken(std::string_view text) {
  // A header begins with '{', which is 'e' and one of the upper quarter of the digits.
  if (text.size() < 2 || text[0] != 'e' ||
      std::string_view("wxyz0123456789-_").find(text[1]) == text.npos) {
    return false;
  }
  return std::count(text.begin(), text.end(), '.') == 2 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c == '.' || IsUrlDigit(c); });
}

Result<ParsedToken> ParseToken(std::string_view token) {
  Result<Parts> parts = Split(token);
  if (!parts.ok()) return std::move(parts).status();
  Result<JsonObject> header = ReadObject(parts->header, "header");
  if (!header.ok()) return std::move(header).status();
  Result<JwtAlg> alg = ReadAlg(*header);
  if (!alg.ok()) return std::move(alg).status();
  STATEWARD_RETURN_IF_ERROR(CheckExtensions(*header));
  Result<std::string> kid = ReadKid(*header);
  if (!kid.ok()) return std::move(kid).status();
  Result<JsonObject> claims = ReadObject(parts->payload, "payload");
  if (!claims.ok()) return std::move(claims).status();
  std::optional<SecretBytes> signature = Base64UrlDecode(parts->signature);
  if (!signature) return Refuse("signature: not base64url");
  if (signature->empty()) return Refuse("signature: empty");
  std::string issuer = claims->String("iss").value_or("");
  if (issuer.empty()) return Refuse("claims: no iss");
  return ParsedToken{*alg,
                     std::move(*kid),
                     token.substr(0, parts->header.size() + 1 + parts->payload.size()),
                     std::move(*signature),
                     std::move(*claims),
                     std::move(issuer),
                     EqualNoCase(header->String("typ").value_or("JWT"), "JWT")};
}

Result<const VerifyKey*> CheckSignature(const ParsedToken& token, const KeySet& keys) {
  Result<std::vector<const VerifyKey*>> candidates = Candidates(token, keys);
  if (!candidates.ok()) return std::move(candidates).status();
  Status status = Refuse("signature: no key is for this alg");
  for (const VerifyKey* key : *candidates) {
    status = VerifyWith(key->key.get(), token.alg, token.signed_text, token.signature);
    if (status.ok()) return key;
  }
  return status;
}

Result<TokenTimes> CheckClaims(const JsonObject& claims, const TokenRules& rules, int64_t now_s) {
  if (claims.String("iss") != rules.issuer) return Refuse("claims: iss is another issuer");
  STATEWARD_RETURN_IF_ERROR(CheckAudience(claims, rules));
  STATEWARD_RETURN_IF_ERROR(CheckSubject(claims));
  if (!claims.Has("exp")) return Refuse("claims: no exp");
  Result<int64_t> expires = ReadTime(claims, "exp");
  if (!expires.ok()) return std::move(expires).status();
  Result<int64_t> not_before = ReadTime(claims, "nbf");
  if (!not_before.ok()) return std::move(not_before).status();
  Result<int64_t> issued = ReadTime(claims, "iat");
  if (!issued.ok()) return std::move(issued).status();
  if (*not_before > now_s + kTokenLeewayS) return Refuse("claims: nbf lies ahead");
  if (*issued > now_s + kTokenLeewayS) return Refuse("claims: iat lies ahead");
  return TokenTimes{*not_before, *expires};
}

}  // namespace stateward
