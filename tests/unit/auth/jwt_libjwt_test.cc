// The same tokens through another implementation, libjwt: what it signs is verified here, and what
// is verified here, it verifies. (Within what libjwt 1.10 can: RS* and ES*, and a PEM for each.)
#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>

#include "auth/jwt_verify.h"
#include "doubles/token_maker.h"

namespace stateward {
namespace {

using token_maker::Jwt;
using token_maker::Key;
using token_maker::KeySetOf;
using token_maker::Pem;
using token_maker::Sign;

bool LibjwtAccepts(const std::string& token, const std::string& pem) {
  jwt_t* read = nullptr;
  int rc = jwt_decode(&read, token.c_str(), reinterpret_cast<const unsigned char*>(pem.data()),
                      static_cast<int>(pem.size()));
  Jwt owned(read, jwt_free);
  return rc == 0;
}

bool WeAccept(const std::string& token, const KeySet& keys) {
  Result<ParsedToken> parsed = ParseToken(token);
  return parsed.ok() && CheckSignature(*parsed, keys).ok() &&
         CheckClaims(parsed->claims, {"https://issuer.example", {"stateward"}, false}, 1764000000)
             .ok();
}

// With many signatures, so that numbers with leading zeros are among them.
void Compare(EVP_PKEY* key, const char* curve, jwt_alg_t alg, int count) {
  KeySet keys = *KeySet::Parse(KeySetOf(key, curve));
  std::string secret = Pem(key, true);
  std::string pem = Pem(key, false);
  for (int i = 0; i < count; ++i) {
    std::string token = Sign(secret, alg, 1764000000 + i);
    CHECK(WeAccept(token, keys) && LibjwtAccepts(token, pem));
    size_t at = token.rfind('.') + 2 + static_cast<size_t>(i) % 80;
    token[at] = token[at] == 'A' ? 'B' : 'A';
    CHECK(!WeAccept(token, keys) && !LibjwtAccepts(token, pem));
  }
}

}  // namespace

TEST_GROUP(JwtBesideLibjwt){};

TEST(JwtBesideLibjwt, Rsa) {
  Key key(EVP_RSA_gen(2048), EVP_PKEY_free);
  for (jwt_alg_t alg : {JWT_ALG_RS256, JWT_ALG_RS384, JWT_ALG_RS512})
    Compare(key.get(), "", alg, 5);
}

TEST(JwtBesideLibjwt, Ecdsa) {
  Key small(EVP_EC_gen("P-256"), EVP_PKEY_free);
  Compare(small.get(), "P-256", JWT_ALG_ES256, 300);
  Key middle(EVP_EC_gen("P-384"), EVP_PKEY_free);
  Compare(middle.get(), "P-384", JWT_ALG_ES384, 10);
  Key large(EVP_EC_gen("P-521"), EVP_PKEY_free);
  Compare(large.get(), "P-521", JWT_ALG_ES512, 10);
}

}  // namespace stateward
