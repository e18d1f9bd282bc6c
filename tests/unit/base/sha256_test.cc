#include "base/sha256.h"

#include <CppUTest/TestHarness.h>

#include <string>

#include "base/hex.h"

namespace stateward {

TEST_GROUP(Sha256){};

// RFC 4231, test cases 1, 2 and 6 (for SHA-512 the key is longer than a block there, too), and a
// key of nothing.
TEST(Sha256, HmacKnownAnswers) {
  struct Case {
    std::string key, text;
    const char* of_256;
    const char* of_512;
  };
  const Case cases[] = {
      {std::string(20, 0x0b), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
       "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
       "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"},
      {"Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
       "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
       "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
      {std::string(131, static_cast<char>(0xaa)),
       "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
       "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
       "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"},
      {"", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad",
       "b936cee86c9f87aa5d3c6f2e84cb5a4239a5fe50480a6ec66b70ab5b1f4ac673"
       "0c6c515421b327ec1d69402e53dfb49ad7381eb067b338fd7b0cb22247225d47"},
  };
  for (const Case& c : cases) {
    STRCMP_EQUAL(c.of_256, HexEncode(HmacSha256(c.key, c.text)).c_str());
    HmacStream<Sha512Stream> whole(c.key);
    HmacStream<Sha512Stream> in_pieces = whole;
    whole.Update(c.text);
    STRCMP_EQUAL(c.of_512, HexEncode(whole.Finish()).c_str());
    for (char piece : c.text) in_pieces.Update(std::string(1, piece));
    STRCMP_EQUAL(c.of_512, HexEncode(in_pieces.Finish()).c_str());
  }
}

// By Python's hashlib; the ends of blocks are where padding differs.
TEST(Sha256, KnownAnswersInOnePieceAndInMany) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>('a' + i % 26);
  const std::pair<size_t, const char*> cases[] = {
      {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {55, "595615dbe4f0f407ae397d08b4c2cb870cb9b0e11937416f950c5160acf9c005"},
      {56, "784f623b787495078e93ff28a25b581df0584055a7e71d8cd90c454716b92f51"},
      {64, "2fcd5a0d60e4c941381fcc4e00a4bf8be422c3ddfafb93c809e8d1e2bfffae8e"},
      {1000, "915e53a44c18b19bb06ba5b3f5fcaf1dc4651e8404c63425cfc6174e74659d87"},
  };
  for (const auto& [n, want] : cases) {
    const std::string part = text.substr(0, n);
    STRCMP_EQUAL(want, HexEncode(Sha256(part)).c_str());
    Sha256Stream stream;
    for (size_t at = 0; at < n; at += 7) stream.Update(part.substr(at, 7));
    STRCMP_EQUAL(want, HexEncode(stream.Finish()).c_str());
  }
}

TEST(Sha256, Md5KnownAnswer) {
  STRCMP_EQUAL("900150983cd24fb0d6963f7d28e17f72", HexEncode(Md5(std::string_view("abc"))).c_str());
}

}  // namespace stateward
