// The lines of wycheproof.py on stdin: a valid signature is taken, an invalid one is not. Ends with
// "N passed, N failed".
#include <cstdio>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "auth/jwt_verify.h"
#include "base/hex.h"

namespace stateward {
namespace {

Bytes FromHex(const std::string& text) {
  Bytes out(text.size() / 2);
  if (!HexDecode(text, out.data(), out.size())) out.clear();
  return out;
}

// The vectors of one key follow each other, and to read a key of 8192 bits takes its time.
class Keys {
 public:
  // nullptr: the key is not one that is taken.
  const KeySet* Of(const std::string& jwk) {
    if (jwk != jwk_ || !keys_) {
      jwk_ = jwk;
      keys_.emplace(KeySet::Parse(std::string(R"({"keys":[)" + jwk + "]}")));
    }
    return keys_->ok() ? &**keys_ : nullptr;
  }

 private:
  std::string jwk_;
  std::optional<Result<KeySet>> keys_;
};

// nullopt: the key is not one that is taken.
std::optional<bool> Accepts(const std::vector<std::string>& fields, Keys* all) {
  const KeySet* keys = all->Of(fields[2]);
  if (keys == nullptr) return std::nullopt;
  Bytes message = FromHex(fields[3]);
  Bytes signature = FromHex(fields[4]);
  ParsedToken token{*FindJwtAlg(fields[1]),
                    "",
                    ByteView(message).AsString(),
                    SecretBytes(signature.begin(), signature.end()),
                    *ParseSmallJson(std::string("{}")),
                    ""};
  return CheckSignature(token, *keys).ok();
}

int Run() {
  int passed = 0;
  int failed = 0;
  Keys keys;
  std::map<std::string, int> valid;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::vector<std::string> fields;
    std::istringstream in(line);
    for (std::string field; std::getline(in, field, '\t');) fields.push_back(field);
    std::optional<bool> accepts = Accepts(fields, &keys);
    // "acceptable": legal, but weak; both answers are right.
    bool right = accepts && (fields[0] == "acceptable" || *accepts == (fields[0] == "valid"));
    if (accepts.value_or(false)) ++valid[fields[1]];
    ++(right ? passed : failed);
    if (!right) std::printf("%s: %s\n", fields[5].c_str(), accepts ? "wrong verdict" : "no key");
  }
  // Each algorithm has accepted something: a verifier that refuses everything would not do.
  failed += 8 - static_cast<int>(valid.size());
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace stateward

int main() { return stateward::Run(); }
