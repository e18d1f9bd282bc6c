// tests/data/jwt_attacks.tsv: each token is accepted, or refused for its own reason.
#include <CppUTest/TestHarness.h>

#include <fstream>
#include <sstream>
#include <string>

#include "auth/jwt_verify.h"
#include "auth/libjwt_verifier.h"

namespace stateward {
namespace {

constexpr int64_t kNowS = 1764000000;

std::string ReadText(const char* path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// "ok", or why not; in the order in which the server looks.
std::string Verdict(const std::string& token, const KeySet& keys) {
  Result<ParsedToken> parsed = ParseToken(token);
  if (!parsed.ok()) return parsed.status().detail();
  TokenRules rules{"https://issuer.example", {"first", "stateward", "second"}, false};
  Result<TokenTimes> times = CheckClaims(parsed->claims, rules, kNowS);
  if (!times.ok()) return times.status().detail();
  Result<const VerifyKey*> signature = CheckSignature(*parsed, keys);
  if (!signature.ok()) return signature.status().detail();
  // What is good in an unusual way is good for libjwt as well, where it is asked.
  if (Libjwt().CanJudge(*parsed)) {
    Result<bool> second = Libjwt().Accepts(token, *parsed, **signature);
    if (!second.ok() || !*second) return "libjwt disagrees";
  }
  return IsExpired(*times, kNowS) ? "claims: exp has passed" : "ok";
}

}  // namespace

TEST_GROUP(JwtAttacks) { KeySet keys = *KeySet::Parse(ReadText("tests/data/jwt_keys.json")); };

TEST(JwtAttacks, EachIsRefusedForItsOwnReason) {
  std::ifstream in("tests/data/jwt_attacks.tsv");
  std::string line;
  int good = 0;
  int attacks = 0;
  while (std::getline(in, line)) {
    size_t first = line.find('\t');
    size_t second = line.find('\t', first + 1);
    std::string want = line.substr(first + 1, second - first - 1);
    std::string got = Verdict(line.substr(second + 1), keys);
    std::string text = line.substr(0, first) + ": got \"" + got + "\", not \"" + want + "\"";
    bool equal = want == "ok" ? got == "ok" : got != "ok" && got.rfind(want, 0) == 0;
    CHECK_TEXT(equal, text.c_str());
    ++(want == "ok" ? good : attacks);
  }
  CHECK(good >= 20);
  CHECK(attacks >= 250);
}

// A change of any byte of a good token makes it another token, and not a good one.
TEST(JwtAttacks, NoByteMayChange) {
  std::ifstream in("tests/data/jwt_attacks.tsv");
  std::string line;
  std::getline(in, line);
  std::string token = line.substr(line.rfind('\t') + 1);
  STRCMP_EQUAL("ok", Verdict(token, keys).c_str());
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CHECK(Verdict(changed, keys) != "ok");
    CHECK(Verdict(token.substr(0, i), keys) != "ok");
  }
}

TEST(JwtAttacks, KeysThatAreLeftOutSayWhy) {
  const char* why[] = {"key 11: RSA of less than 2048 bits",
                       "key 12: RSA of more than 8192 bits",
                       "key 13: e is even or below 3",
                       "key 14: e is even or below 3",
                       "key 15: e of more than 64 bits",
                       "key 16: n or e is not base64url",
                       "key 17: not a valid public key",
                       "key 18: not a valid public key",
                       "key 19: x or y is too long",
                       "key 20: kty or crv is not taken",
                       "key 21: kty or crv is not taken",
                       "key 22: x is not base64url of 32 bytes",
                       "key 23: kty or crv is not taken",
                       "key 24: use is not sig",
                       "key 25: key_ops lacks verify",
                       "key 26: its alg is not taken, or not for keys of this type",
                       "key 27: its alg is not taken, or not for keys of this type",
                       "key 28: its alg is not taken, or not for keys of this type",
                       "key 29: the private key is published with it",
                       "key 30: kid is not a text of 1 to 256 bytes",
                       "key 31: kid is not a text of 1 to 256 bytes",
                       "key 32: kid is not a text of 1 to 256 bytes"};
  CHECK_EQUAL(10U, keys.keys().size());
  CHECK_EQUAL(sizeof why / sizeof why[0], keys.ignored().size());
  for (size_t i = 0; i < keys.ignored().size(); ++i) {
    STRCMP_EQUAL(why[i], keys.ignored()[i].c_str());
  }
}

}  // namespace stateward
