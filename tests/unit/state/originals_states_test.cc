// What the original wrote (tests/data/seed, with the key and secrets of its manifest), over the
// verbs.
#include <CppUTest/TestHarness.h>

#include <cstdio>
#include <memory>
#include <string>

#include "base/base64.h"
#include "doubles/original_blobs.h"
#include "unit/state/service_fixture.h"

namespace stateward {
namespace {

Bytes ReadFile(const std::string& path) {
  Bytes bytes;
  if (FILE* f = fopen(path.c_str(), "rb")) {
    int c = 0;
    while ((c = fgetc(f)) != EOF) bytes.push_back(static_cast<uint8_t>(c));
    fclose(f);
  }
  return bytes;
}

}  // namespace

TEST_GROUP_BASE(OriginalsStates, ServiceFixture){};

TEST(OriginalsStates, TheOriginalsStateIsReadWhereItLies) {
  grant = As("s3cret-one", "network", "prod");
  storage.legacy[grant.legacy_ids[0]] =
      ReadFile("tests/data/seed/fs/" + grant.legacy_ids[0] + ".tfstate");
  std::string before = Get();
  LONGS_EQUAL(2097, before.size());
  LONGS_EQUAL(0, HeadOf());
  Is(Code::kOk, Put(Text(before)));  // the same bytes: the first write makes it ours
  LONGS_EQUAL(1, HeadOf());
  storage.legacy.clear();
  STRCMP_EQUAL(before.c_str(), Get().c_str());
}

TEST(OriginalsStates, TheOriginalsSerialCounts) {
  grant = As("s3cret-one", "network", "prod");
  storage.legacy[grant.legacy_ids[0]] =
      ReadFile("tests/data/seed/fs/" + grant.legacy_ids[0] + ".tfstate");
  Is(Code::kConflict, Put(Doc(1)));  // another lineage
  LONGS_EQUAL(0, HeadOf());
  Is(Code::kOk, Delete());
  STRCMP_EQUAL("not_found", Get().c_str());  // a tombstone: the original's bytes are not served
}

TEST(OriginalsStates, TheFirstWriteClaimsAnAmbiguousName) {
  Grant ab_c = As("s3cret-two", "a-b", "c");
  Grant a_bc = As("s3cret-two", "a", "b-c");
  STRCMP_EQUAL(ab_c.legacy_ids[0].c_str(), a_bc.legacy_ids[0].c_str());
  storage.legacy[ab_c.legacy_ids[0]] =
      ReadFile("tests/data/seed/fs/" + ab_c.legacy_ids[0] + ".tfstate");
  grant = ab_c;
  std::string before = Get();
  grant = a_bc;
  STRCMP_EQUAL(before.c_str(), Get().c_str());
  Is(Code::kOk, Put(Text(before)));
  grant = ab_c;
  STRCMP_EQUAL("conflict", Get().c_str());
  Is(Code::kConflict, Put(Text(before)));
  LONGS_EQUAL(1, Kept());
  STRCMP_CONTAINS("under another name", service->Get(grant).hint.c_str());
  grant = a_bc;
  STRCMP_EQUAL(before.c_str(), Get().c_str());
}

TEST(OriginalsStates, IdentifiedUsersAreNotGivenAnAmbiguousName) {
  grant = As("x", "a-b", "c");
  storage.legacy[LegacyId(grant.key)] = ReadFile(
      "tests/data/seed/fs/"
      "0d2cf0a51cfa39a34c78c9873dc448eb38d3931ad5b349ba21863b0715d85a2d.tfstate");
  grant.legacy_ids = {LegacyId(grant.key)};
  grant.key.tenant.clear();
  STRCMP_EQUAL("conflict", Get().c_str());
}

TEST(OriginalsStates, LegacyReadSwitchedOff) {
  grant = As("s3cret-one", "network", "prod");
  storage.legacy[grant.legacy_ids[0]] =
      ReadFile("tests/data/seed/fs/" + grant.legacy_ids[0] + ".tfstate");
  rules.write.legacy_read = false;
  Restart();
  STRCMP_EQUAL("not_found", Get().c_str());
}

TEST(OriginalsStates, DamagedLegacyStateIsNotAbsent) {
  grant = As("s3cret-one", "network", "prod");
  Bytes blob = ReadFile("tests/data/seed/fs/" + grant.legacy_ids[0] + ".tfstate");
  blob[100] ^= 1;
  storage.legacy[grant.legacy_ids[0]] = blob;
  STRCMP_EQUAL("unknown_key", Get().c_str());
  Is(Code::kUnknownKey, Put(Doc(9)));
  Is(Code::kOk, Lock("a"));
  Is(Code::kUnknownKey, Put(Doc(9), "a"));  // nothing tells damage and a wrong key apart
}

// A blob that opens and holds no state: never served, and never taken for absence.
TEST(OriginalsStates, WhatIsNoStateInALegacyBlobIsNeverServed) {
  std::shared_ptr<const Suite> suite = *Suite::Load();
  const SecretBytes key = *Base64Decode("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
  storage.legacy[grant.legacy_ids[0]] =
      SealAsOriginal(*suite, key, std::string_view("0123456789abcdef0123456789abcdef"));
  STRCMP_EQUAL("corruption", Get().c_str());
  Is(Code::kCorruption, Put(Doc(9)));
  Is(Code::kCorruption, Delete());
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Put(Doc(9), "a"));  // the holder goes on
  Holds(Doc(9));
}

}  // namespace stateward
