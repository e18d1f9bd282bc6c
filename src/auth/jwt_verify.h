// Reads and verifies a JSON Web Token (RFC 7519, 7515, and the advice of RFC 8725).
//
// Every function is pure and thread-safe. An error is kUnauthenticated and its text says exactly
// which rule refused the token; it holds no byte of it.
#ifndef STATEWARD_AUTH_JWT_VERIFY_H_
#define STATEWARD_AUTH_JWT_VERIFY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/jwk.h"
#include "base/json.h"
#include "stateward/result.h"

namespace stateward {

// GitHub's tokens have 2 KiB, GitLab's 3; a web server takes a header of 8 KiB.
inline constexpr size_t kMaxTokenBytes = size_t{16} * 1024;
// For clocks that differ.
inline constexpr int64_t kTokenLeewayS = 60;

// A token that was taken apart: its form is right, nothing in it is proved.
struct ParsedToken {
  JwtAlg alg;
  std::string kid;               // "" = none
  std::string_view signed_text;  // header "." payload; points into the token
  SecretBytes signature;
  JsonObject claims;
  std::string issuer;       // "iss"; not empty
  bool type_is_jwt = true;  // "typ" is JWT, or absent; else it is an access token's (RFC 9068)
};

// REQUIRES: `token` outlives the result.
Result<ParsedToken> ParseToken(std::string_view token);

// Whether text has the form of one: three parts of base64url with dots between them. For telling
// tokens from passwords; proves nothing.
bool LooksLikeToken(std::string_view text);

// The key that has made the signature: of the set, with the token's kid (without kid: the only one
// that fits), and one that may be used with its algorithm. It points into `keys`.
Result<const VerifyKey*> CheckSignature(const ParsedToken& token, const KeySet& keys);

struct TokenRules {
  std::string issuer;
  std::vector<std::string> audiences;  // one of them has to be in "aud"
  bool any_audience = false;           // "aud" is not looked at
};

struct TokenTimes {
  int64_t not_before_s = 0;  // from "nbf"; 0 = at once
  int64_t expires_s = 0;     // from "exp"
};

// iss, aud, sub, exp, nbf and iat. A token whose exp has passed is no error here.
// `now_s`: seconds since 1970.
Result<TokenTimes> CheckClaims(const JsonObject& claims, const TokenRules& rules, int64_t now_s);

// Whether exp, with the leeway, has passed.
inline bool IsExpired(const TokenTimes& times, int64_t now_s) {
  return now_s >= times.expires_s + kTokenLeewayS;
}

}  // namespace stateward

#endif  // STATEWARD_AUTH_JWT_VERIFY_H_
