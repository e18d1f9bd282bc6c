#include "kms/sealed_info.h"

#include <CppUTest/TestHarness.h>

#include <string>

#include "conformance/kms_cases.h"
#include "kms/header.h"

namespace stateward {
namespace {

SecretBytes Field(uint8_t tag, const std::string& value) {
  SecretBytes bytes = {tag, static_cast<uint8_t>(value.size() >> 8),
                       static_cast<uint8_t>(value.size())};
  bytes.insert(bytes.end(), value.begin(), value.end());
  return bytes;
}

SecretBytes operator+(SecretBytes a, const SecretBytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const SecretBytes kNames = Field(1, "p") + Field(2, "n");
const SecretBytes kKind = Field(4, "\x01");
const SecretBytes kRest = Field(8, std::string(8, '\0')) + Field(9, std::string(32, '\x07'));

void CheckRefused(const SecretBytes& bytes) {
  kms_cases::CheckCode(Code::kCorruption, DecodeSealedInfo(bytes));
}

}  // namespace

TEST_GROUP(SealedInfoCodec){};

TEST(SealedInfoCodec, WhatMustBeThereIsEnough) {
  Result<SealedInfo> info = DecodeSealedInfo(kNames + kKind + kRest);
  CHECK(info.ok());
  STRCMP_EQUAL("p", info->key.project.c_str());
  LONGS_EQUAL(7, info->version.sha256[31]);
  CHECK(*EncodeSealedInfo(*info) == kNames + kKind + kRest);
}

TEST(SealedInfoCodec, FieldsOfLaterVersionsArePassedOver) {
  for (int later : {17, 31, 32, 64, 255}) {
    const auto tag = static_cast<uint8_t>(later);
    CHECK(DecodeSealedInfo(kNames + kKind + kRest + Field(tag, "new")).ok());
    CHECK(DecodeSealedInfo(kNames + kKind + kRest + Field(tag, "")).ok());
  }
}

TEST(SealedInfoCodec, TheAuditTrailsLine) {
  Result<SealedInfo> info = DecodeSealedInfo(kNames + kKind + kRest);
  info->version.audit.chain = "0123456789abcdef";
  info->version.audit.sequence = 77;
  info->version.audit.mac.fill(9);
  const SecretBytes bytes = *EncodeSealedInfo(*info);
  Result<SealedInfo> again = DecodeSealedInfo(bytes);
  CHECK(again.ok());
  STRCMP_EQUAL("0123456789abcdef", again->version.audit.chain.c_str());
  UNSIGNED_LONGS_EQUAL(77, again->version.audit.sequence);
  CHECK(info->version.audit.mac == again->version.audit.mac);
  CheckRefused(kNames + kKind + kRest + Field(16, std::string(47, '\x01')));
}

TEST(SealedInfoCodec, BrokenFieldsAreRefused) {
  CheckRefused({});
  CheckRefused(kKind + kRest);
  CheckRefused(kNames + kRest);
  CheckRefused(kNames + kKind + Field(9, std::string(32, '\0')));
  CheckRefused(Field(2, "n") + Field(1, "p") + kKind + kRest);    // order
  CheckRefused(Field(1, "p") + kNames + kKind + kRest);           // twice
  CheckRefused(kNames + Field(4, std::string(1, '\0')) + kRest);  // no such kind
  CheckRefused(kNames + Field(4, "\x06") + kRest);                // a later kind
  CheckRefused(kNames + Field(4, "\x01\x01") + kRest);            // two bytes
  CheckRefused(kNames + kKind + Field(5, "1234567") + kRest);     // 7 bytes
  CheckRefused(kNames + kKind + Field(8, "12345678") + Field(9, "too short"));
  CheckRefused(Field(0, "") + kNames + kKind + kRest);  // tag 0
  const SecretBytes whole = kNames + kKind + kRest;
  for (size_t n = 0; n < whole.size(); ++n) {
    CheckRefused(SecretBytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(n)));
  }
}

TEST(SealedInfoCodec, ANoOpRecordAndNothingElseNamesTheNewestVersion) {
  const SecretBytes no_op = kNames + Field(4, "\x03") + kRest;
  const SecretBytes none = Field(15, std::string(8, '\0'));
  Result<SealedInfo> info =
      DecodeSealedInfo(no_op + Field(15, std::string("\0\0\0\0\0\0\x01\x02", 8)));
  CHECK(info.ok());
  LONGS_EQUAL(0x102, info->version.newest_real);
  CHECK(*EncodeSealedInfo(*DecodeSealedInfo(no_op + none)) == no_op + none);
  CheckRefused(no_op);  // it must not read as "there never was one"
  CheckRefused(no_op + Field(15, "1234567"));
  CheckRefused(kNames + kKind + kRest + none);
}

TEST(SealedInfoCodec, AForwardingRecordAndNothingElseNamesAnAddress) {
  const SecretBytes moved = kNames + Field(4, "\x05") + kRest;
  const SecretBytes whole = moved + Field(17, "why") + Field(19, "net/new");
  Result<SealedInfo> info = DecodeSealedInfo(whole);
  CHECK(info.ok());
  STRCMP_EQUAL("net/new", info->version.moved_to.c_str());
  STRCMP_EQUAL("why", info->version.note.c_str());
  CHECK(*EncodeSealedInfo(*info) == whole);
  CheckRefused(moved);
  CheckRefused(kNames + kKind + kRest + Field(19, "net/new"));
}

TEST(SealedInfoCodec, APinIsOne) {
  const std::string one("\0\0\0\0\0\0\0\1", 8);
  const SecretBytes pinned = kNames + kKind + kRest + Field(18, one);
  Result<SealedInfo> info = DecodeSealedInfo(pinned);
  CHECK(info.ok());
  CHECK(info->version.pinned);
  CHECK(*EncodeSealedInfo(*info) == pinned);
  CheckRefused(kNames + kKind + kRest + Field(18, std::string(8, '\0')));
  CheckRefused(kNames + kKind + kRest + Field(18, "1"));
}

TEST(SealedInfoCodec, TheLimitHoldsForAllFieldsTogether) {
  SealedInfo info = kms_cases::InfoOf(kms_cases::kSmall);
  info.version.writer = std::string(3000, 'w');
  info.version.operation = std::string(3000, 'o');
  Result<SecretBytes> bytes = EncodeSealedInfo(info);
  CHECK(bytes.ok());
  CHECK(bytes->size() <= kMaxInfo);
  info.version.lock_id = std::string(3000, 'l');
  kms_cases::CheckCode(Code::kInvalidArgument, EncodeSealedInfo(info));
}

}  // namespace stateward
