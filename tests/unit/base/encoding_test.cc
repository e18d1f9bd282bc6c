#include <CppUTest/TestHarness.h>

#include <cerrno>
#include <string>

#include "base/base64.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "stateward/secret.h"
#include "stateward/status.h"

namespace stateward {

TEST_GROUP(Encoding){};

TEST(Encoding, HexRoundTripAndRefusals) {
  const uint8_t bytes[] = {0x00, 0x7f, 0xff, 0x1a};
  STRCMP_EQUAL("007fff1a", HexEncode({bytes, 4}).c_str());
  uint8_t back[4];
  CHECK(HexDecode("007fff1a", back, 4));
  CHECK(ByteView(back, 4) == ByteView(bytes, 4));
  CHECK_FALSE(HexDecode("007FFF1A", back, 4));
  CHECK_FALSE(HexDecode("007fff1", back, 4));
  CHECK_FALSE(HexDecode("007fff1g", back, 4));
}

TEST(Encoding, Base64KnownAnswers) {
  // RFC 4648, section 10.
  const char* const cases[][2] = {{"", ""},
                                  {"f", "Zg=="},
                                  {"fo", "Zm8="},
                                  {"foo", "Zm9v"},
                                  {"foob", "Zm9vYg=="},
                                  {"fooba", "Zm9vYmE="},
                                  {"foobar", "Zm9vYmFy"}};
  for (auto& c : cases) {
    STRCMP_EQUAL(c[1], Base64Encode(std::string_view(c[0])).c_str());
    auto back = Base64Decode(c[1]);
    CHECK(back.has_value());
    CHECK(ByteView(*back) == ByteView(std::string_view(c[0])));
  }
}

TEST(Encoding, Base64RefusesOtherSpellings) {
  for (const char* bad : {"Zg", "Zg=", "Zh==", "Zm9=", "Z===", "=Zg=", "Zm 9v", "Zm9v\n",
                          "Zg==Zg==", "====", "Zm9-", "Zm9_"}) {
    CHECK_FALSE(Base64Decode(bad).has_value());
  }
}

TEST(Encoding, DigestsKnownAnswers) {
  STRCMP_EQUAL("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
               HexEncode({Sha256(std::string_view("abc")).data(), 32}).c_str());
  STRCMP_EQUAL("1B2M2Y8AsgTpgAmY7PhCfg==", Base64Encode({Md5({}).data(), 16}).c_str());
  Sha256Stream stream;
  stream.Update(std::string_view("a"));
  stream.Update(std::string_view("bc"));
  CHECK(stream.Finish() == Sha256(std::string_view("abc")));
}

TEST(Encoding, ConstantTimeCompare) {
  CHECK(EqualInConstantTime(std::string_view("abc"), std::string_view("abc")));
  CHECK_FALSE(EqualInConstantTime(std::string_view("abc"), std::string_view("abd")));
  CHECK_FALSE(EqualInConstantTime(std::string_view("abc"), std::string_view("ab")));
}

TEST(Encoding, ErrnoIsUnavailable) {
  Status status = FromErrno("open x", EIO);
  CHECK(status.code() == Code::kUnavailable);
  STRCMP_EQUAL("open x: Input/output error", status.detail().c_str());
}

}  // namespace stateward
