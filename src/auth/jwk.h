// The public keys of an issuer, from a JSON Web Key Set (RFC 7517, 7518, 8037).
#ifndef STATEWARD_AUTH_JWK_H_
#define STATEWARD_AUTH_JWK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/result.h"

struct evp_pkey_st;

namespace stateward {

// Asymmetric ones alone: with a public key nobody can be let in by HS256 or "none".
enum class JwtAlg : uint8_t { kRs256, kRs384, kRs512, kPs256, kEs256, kEs384, kEs512, kEdDsa };
// As in a token's header; nullptr: none that is known here.
const JwtAlg* FindJwtAlg(std::string_view name);
std::string_view JwtAlgName(JwtAlg alg);

// A value: copies share the key. Thread-safe, as nothing can be changed.
struct VerifyKey {
  std::string kid;    // "" when the set names none
  uint32_t algs = 0;  // bit 1 << JwtAlg for each algorithm it may be used with; never 0
  std::shared_ptr<evp_pkey_st> key;
  std::string pem;  // the same key as SubjectPublicKeyInfo (RFC 5280); "" for Ed25519

  bool May(JwtAlg alg) const { return (algs >> static_cast<unsigned>(alg) & 1) != 0; }
};

// A large issuer publishes 4 to 10 keys (with certificates, 20 KiB).
inline constexpr size_t kMaxKeys = 100;
inline constexpr size_t kMaxKeySetBytes = size_t{256} * 1024;

// Immutable; thread-safe.
class KeySet {
 public:
  // Keys of other kinds, for other uses, too weak ones (RSA below 2048 or above 8192 bits, e even
  // or below 3) and broken ones (a point that is not on its curve) are left out, as RFC 7517 asks;
  // ignored() says of each why. The algorithm of a key is that of its "alg"; without one, those of
  // its type and curve.
  // kInvalidArgument: no JSON object with an array "keys"; larger than above; not one usable key.
  static Result<KeySet> Parse(ByteView json);

  const std::vector<VerifyKey>& keys() const { return keys_; }
  const std::vector<std::string>& ignored() const { return ignored_; }
  bool HasKid(std::string_view kid) const;

 private:
  std::vector<VerifyKey> keys_;
  std::vector<std::string> ignored_;
};

}  // namespace stateward

#endif  // STATEWARD_AUTH_JWK_H_
