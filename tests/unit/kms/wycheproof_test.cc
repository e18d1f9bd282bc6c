// The primitives pass Wycheproof's vectors (tests/data/wycheproof).
#include <CppUTest/TestHarness.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/hex.h"
#include "kms/suite.h"

namespace stateward {
namespace {

// The words of each line that is no comment.
std::vector<std::vector<std::string>> Lines(const std::string& path) {
  std::vector<std::vector<std::string>> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream in(line);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word == "-" ? "" : word);
    lines.push_back(words);
  }
  return lines;
}

Bytes FromHex(const std::string& text) {
  Bytes bytes(text.size() / 2);
  CHECK(HexDecode(text, bytes.data(), bytes.size()));
  return bytes;
}

}  // namespace

TEST_GROUP(Wycheproof) { std::shared_ptr<const Suite> suite = *Suite::Load(); };

TEST(Wycheproof, AesGcm) {
  int valid = 0;
  int invalid = 0;
  for (const auto& line : Lines("tests/data/wycheproof/aes_gcm.txt")) {
    LONGS_EQUAL(8, line.size());
    const Bytes key = FromHex(line[2]);
    const Bytes iv = FromHex(line[3]);
    const Bytes aad = FromHex(line[4]);
    const Bytes plain = FromHex(line[5]);
    const Bytes sealed = FromHex(line[6] + line[7]);
    Nonce nonce;
    LONGS_EQUAL(nonce.size(), iv.size());
    std::copy(iv.begin(), iv.end(), nonce.begin());
    Bytes out(plain.size());
    const Status opened = suite->Opener(key)->Open(nonce, aad, sealed, out.data());
    const bool good = line[1] == "valid";
    ++(good ? valid : invalid);
    CHECK_TRUE_TEXT(opened.ok() == good, line[0].c_str());
    if (!good) {
      CHECK(opened.code() == Code::kCorruption);
      continue;
    }
    CHECK_TRUE_TEXT(ByteView(out) == ByteView(plain), line[0].c_str());
    Bytes again(sealed.size());
    CHECK(suite->Sealer(key)->Seal(nonce, aad, plain, again.data()).ok());
    CHECK_TRUE_TEXT(ByteView(again) == ByteView(sealed), line[0].c_str());
  }
  LONGS_EQUAL(66, valid + invalid);
  CHECK(valid > 10 && invalid > 10);
}

TEST(Wycheproof, HkdfSha512) {
  int ran = 0;
  for (const auto& line : Lines("tests/data/wycheproof/hkdf_sha512.txt")) {
    LONGS_EQUAL(7, line.size());
    STRCMP_EQUAL("valid", line[1].c_str());
    const SecretBytes prk = suite->Extract(FromHex(line[3]), FromHex(line[2]));
    const Bytes info = FromHex(line[4]);
    Result<SecretBytes> out =
        suite->Expand(prk, ByteView(info).AsString(), static_cast<size_t>(std::stoul(line[5])));
    CHECK_TRUE_TEXT(out.ok() && HexEncode(*out) == line[6], line[0].c_str());
    ++ran;
  }
  LONGS_EQUAL(72, ran);
  CHECK_FALSE(
      suite->Expand(SecretBytes(64), "", 65).ok());  // more than the one block that it makes
}

}  // namespace stateward
