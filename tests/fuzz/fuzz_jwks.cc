// Every input, taken for a key set: what comes out can be used, within the limits.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "auth/jwk.h"
#include "auth/jwt_verify.h"
#include "base/json.h"

namespace stateward {
namespace {

void Demand(bool holds) {
  if (!holds) std::abort();
}

// A token that each algorithm's key may be asked about; none has signed it.
ParsedToken Unsigned(JwtAlg alg, const std::string& kid) {
  return {alg,  kid, "header.payload", SecretBytes(64, 7), *ParseSmallJson(std::string("{}")),
          "iss"};
}

}  // namespace
}  // namespace stateward

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stateward;
  Result<KeySet> set = KeySet::Parse(ByteView(data, size));
  if (!set.ok()) {
    Demand(set.status().code() == Code::kInvalidArgument);
    return 0;
  }
  Demand(!set->keys().empty() && set->keys().size() + set->ignored().size() <= kMaxKeys);
  for (const VerifyKey& key : set->keys()) {
    Demand(key.key != nullptr && key.algs != 0 && key.kid.size() <= 256);
    for (JwtAlg alg : {JwtAlg::kRs256, JwtAlg::kPs256, JwtAlg::kEs256, JwtAlg::kEs384,
                       JwtAlg::kEs512, JwtAlg::kEdDsa}) {
      if (key.May(alg)) Demand(!CheckSignature(Unsigned(alg, key.kid), *set).ok());
    }
  }
  return 0;
}
