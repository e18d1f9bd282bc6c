// Every input, taken for a token: it is verified only if it is one of the good ones, which are
// among the seeds; whatever else happens, the text of an error is one of ours.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "auth/jwt_verify.h"

namespace stateward {
namespace {

void Demand(bool holds) {
  if (!holds) std::abort();
}

// `make fuzz` runs in the repository's root.
KeySet LoadKeys() {
  std::ifstream in("tests/data/jwt_keys.json");
  return *KeySet::Parse(std::string(std::istreambuf_iterator<char>(in), {}));
}

bool IsGoodOne(const std::string& token) {
  std::ifstream in("tests/data/jwt_attacks.tsv");
  std::string line;
  while (std::getline(in, line)) {
    if (line.find("\tok\t") != line.npos && line.substr(line.rfind('\t') + 1) == token) return true;
  }
  return false;
}

void Check(const KeySet& keys, std::string_view text) {
  constexpr int64_t kNowS = 1764000000;
  Result<ParsedToken> token = ParseToken(text);
  if (!token.ok()) {
    Demand(token.status().code() == Code::kUnauthenticated);
    return;
  }
  Demand(token->signed_text.size() < text.size() && !token->issuer.empty());
  TokenRules rules{"https://issuer.example", {"stateward", "second"}, false};
  Result<TokenTimes> times = CheckClaims(token->claims, rules, kNowS);
  Demand(times.ok() || times.status().code() == Code::kUnauthenticated);
  if (times.ok()) Demand(times->not_before_s <= kNowS + kTokenLeewayS);
  Result<const VerifyKey*> signature = CheckSignature(*token, keys);
  Demand(signature.ok() || signature.status().code() == Code::kUnauthenticated);
  if (signature.ok() && times.ok() && !IsExpired(*times, kNowS))
    Demand(IsGoodOne(std::string(text)));
}

}  // namespace
}  // namespace stateward

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const stateward::KeySet keys = stateward::LoadKeys();
  stateward::Check(keys, std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
