// The only user of libjwt.
#include "auth/libjwt_verifier.h"

#include <jwt.h>

#include <cerrno>
#include <memory>
#include <optional>

#include "stateward/secret.h"

namespace stateward {
namespace {

std::optional<jwt_alg_t> AlgOf(JwtAlg alg) {
  switch (alg) {
    case JwtAlg::kRs256:
      return JWT_ALG_RS256;
    case JwtAlg::kRs384:
      return JWT_ALG_RS384;
    case JwtAlg::kRs512:
      return JWT_ALG_RS512;
    case JwtAlg::kEs256:
      return JWT_ALG_ES256;
    case JwtAlg::kEs384:
      return JWT_ALG_ES384;
    case JwtAlg::kEs512:
      return JWT_ALG_ES512;
    case JwtAlg::kPs256:
    case JwtAlg::kEdDsa:
      break;
  }
  return std::nullopt;
}

class LibjwtVerifier : public SecondVerifier {
 public:
  bool CanJudge(const ParsedToken& token) const override {
    return AlgOf(token.alg) && token.type_is_jwt;
  }
  Result<bool> Accepts(std::string_view text, const ParsedToken& token,
                       const VerifyKey& key) const override;
};

// Without a key libjwt accepts anything and reports the algorithm "none"; and it would take a PEM
// for the secret of HS256. So there must be a key, and its algorithm must be the one that the first
// verifier found and that the key is for.
Result<bool> LibjwtVerifier::Accepts(std::string_view text, const ParsedToken& token,
                                     const VerifyKey& key) const {
  std::optional<jwt_alg_t> alg = AlgOf(token.alg);
  if (!alg || key.pem.empty() || !key.May(token.alg)) return false;
  SecretBytes copy(text.begin(), text.end());
  copy.push_back(0);
  jwt_t* read = nullptr;
  int error = jwt_decode(&read, reinterpret_cast<const char*>(copy.data()),
                         reinterpret_cast<const unsigned char*>(key.pem.data()),
                         static_cast<int>(key.pem.size()));
  std::unique_ptr<jwt_t, decltype(&jwt_free)> owned(read, jwt_free);
  if (error == ENOMEM) return Status(Code::kOverloaded, "libjwt: no memory");
  return error == 0 && read != nullptr && jwt_get_alg(read) == *alg;
}

}  // namespace

const SecondVerifier& Libjwt() {
  static const LibjwtVerifier kVerifier;
  return kVerifier;
}

}  // namespace stateward
