#include "kms/suite.h"

#include <CppUTest/TestHarness.h>

#include <string>

#include "base/hex.h"

namespace stateward {
namespace {

// n bytes that count up.
std::string Run(int first, int n) {
  std::string bytes;
  for (int i = 0; i < n; ++i) bytes += static_cast<char>(first + i);
  return bytes;
}

}  // namespace

TEST_GROUP(Suite){};

// Made with Python's `hmac` by the definition of RFC 5869; the inputs are those of its cases 1
// to 3.
TEST(Suite, HkdfKnownAnswers) {
  struct Case {
    std::string salt, key, info;
    size_t n;
    const char* prk;
    const char* out;
  };
  const Case cases[] = {
      {Run(0x00, 13), std::string(22, 0x0b), Run(0xf0, 10), 42,
       "665799823737ded04a88e47e54a5890bb2c3d247c7a4254a8e61350723590a26c36238127d8661b88cf80ef802d"
       "57e2f7cebcf1e00e083848be19929c61b4237",
       "832390086cda71fb47625bb5ceb168e4c8e26a1a16ed34d9fc7fe92c1481579338da362cb8d9f925d7cb"},
      {Run(0x60, 80), Run(0x00, 80), Run(0xb0, 80), 64,
       "35672542907d4e142c00e84499e74e1de08be86535f924e022804ad775dde27ec86cd1e5b7d178c74489bdbeb30"
       "712beb82d4f97416c5a94ea81ebdf3e629e4a",
       "ce6c97192805b346e6161e821ed165673b84f400a2b514b2fe23d84cd189ddf1b695b48cbd1c8388441137b3ce2"
       "8f16aa64ba33ba466b24df6cfcb021ecff235"},
      {"", std::string(22, 0x0b), "", 42,
       "fd200c4987ac491313bd4a2a13287121247239e11c9ef82802044b66ef357e5b194498d0682611382348572a7b1"
       "611de54764094286320578a863f36562b0df6",
       "f5fa02b18298a72a8c23898a8703472c6eb179dc204c03425c970e3b164bf90fff22d04836d0e2343bac"},
  };
  const auto suite = *Suite::Load();
  for (const Case& c : cases) {
    const SecretBytes prk = suite->Extract(c.salt, c.key);
    STRCMP_EQUAL(c.prk, HexEncode(prk).c_str());
    STRCMP_EQUAL(c.out, HexEncode(*suite->Expand(prk, c.info, c.n)).c_str());
  }
}

// The GCM specification's test cases 13 to 16 (256-bit keys).
TEST(Suite, GcmKnownAnswers) {
  struct Case {
    const char *key, *nonce, *plain, *aad, *sealed;
  };
  const Case cases[] = {
      {"0000000000000000000000000000000000000000000000000000000000000000",
       "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
      {"0000000000000000000000000000000000000000000000000000000000000000",
       "000000000000000000000000", "00000000000000000000000000000000", "",
       "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
      {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
       "cafebabefacedbaddecaf888",
       "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449"
       "a6b525b16aedf5aa0de657ba637b39",
       "feedfacedeadbeeffeedfacedeadbeefabaddad2",
       "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056"
       "828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"},
  };
  const auto bytes = [](const char* hex) {
    Bytes out(std::string(hex).size() / 2);
    CHECK(HexDecode(hex, out.data(), out.size()));
    return out;
  };
  const auto suite = *Suite::Load();
  for (const Case& c : cases) {
    Nonce nonce;
    CHECK(HexDecode(c.nonce, nonce.data(), nonce.size()));
    const Bytes plain = bytes(c.plain);
    Bytes out(plain.size() + kTagBytes);
    CHECK(suite->Sealer(bytes(c.key))->Seal(nonce, bytes(c.aad), plain, out.data()).ok());
    STRCMP_EQUAL(c.sealed, HexEncode(out).c_str());
    Bytes back(plain.size());
    CHECK(suite->Opener(bytes(c.key))->Open(nonce, bytes(c.aad), out, back.data()).ok());
    CHECK(back == plain);
    out.back() = static_cast<uint8_t>(out.back() ^ 1);
    const Status refused = suite->Opener(bytes(c.key))->Open(nonce, bytes(c.aad), out, back.data());
    CHECK(refused.code() == Code::kCorruption);
  }
}

TEST(Suite, KeysOfOtherLengthsAreRefused) {
  const auto suite = *Suite::Load();
  for (size_t n : {0, 16, 31, 33, 64}) CHECK_FALSE(suite->Sealer(SecretBytes(n)).ok());
}

}  // namespace stateward
