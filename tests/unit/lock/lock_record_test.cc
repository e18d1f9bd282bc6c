#include "lock/lock_record.h"

#include <CppUTest/TestHarness.h>

#include <string>

namespace stateward {

TEST_GROUP(LockRecord){// With everything that a record can hold.
                       LockBook Full(){LockBook book;
LockRecord holder;
holder.id = "next";
holder.info = R"({"ID":"next"})";
holder.principal = "alice";
holder.operation = "OperationTypeApply";
holder.base = 41;
holder.token_sha256 = std::string(64, 'a');
Take(&book, holder, 1000);
Release(&book, {"", "bob", false}, 2000);
holder.plan_only = true;
holder.unconfirmed = true;
Take(&book, holder, 3000);
book.burn = true;
book.mark = 43;
return book;
}  // namespace stateward
}
;

TEST(LockRecord, ComesBackAsItWas) {
  LockBook book = Full();
  Result<LockBook> back = DecodeLockRecord(EncodeLockRecord(book));
  CHECK(back.ok());
  STRCMP_EQUAL("next", back->holder->id.c_str());
  STRCMP_EQUAL(R"({"ID":"next"})", back->holder->info.c_str());
  STRCMP_EQUAL("alice", back->holder->principal.c_str());
  STRCMP_EQUAL("OperationTypeApply", back->holder->operation.c_str());
  STRCMP_EQUAL(std::string(64, 'a').c_str(), back->holder->token_sha256.c_str());
  CHECK(back->holder->plan_only && back->holder->unconfirmed && back->burn);
  LONGS_EQUAL(41, back->holder->base);
  LONGS_EQUAL(3000, back->holder->time_ms);
  STRCMP_EQUAL("bob", back->last_forced->principal.c_str());
  LONGS_EQUAL(2000, back->last_forced->time_ms);
  LONGS_EQUAL(43, back->mark);
  LONGS_EQUAL(1, back->releases);
  CHECK(back->tags == book.tags);
  CHECK(EncodeLockRecord(*back) == EncodeLockRecord(book));
  CHECK_FALSE(DecodeLockRecord(EncodeLockRecord({}))->holder.has_value());
}

TEST(LockRecord, CutsAreNoRecords) {
  const Bytes bytes = EncodeLockRecord(Full());
  int whole = 0;
  for (size_t n = 0; n < bytes.size(); ++n) {
    // A cut between two fields leaves a record that says less; its tags tell.
    if (DecodeLockRecord(ByteView(bytes).Sub(0, n)).ok()) ++whole;
  }
  CHECK(whole <= 13);
  CHECK_FALSE(DecodeLockRecord(ByteView(bytes).Sub(0, bytes.size() - 1)).ok());
}

// What a newer build adds is either kept, or it is an outage; never a guess.
TEST(LockRecord, FieldsAndFlagsOfANewerBuild) {
  Bytes bytes = EncodeLockRecord(Full());
  const Bytes kept = {200, 0, 2, 7, 8};
  Bytes more = bytes;
  more.insert(more.end(), kept.begin(), kept.end());
  Result<LockBook> book = DecodeLockRecord(more);
  CHECK(book.ok());
  CHECK(EncodeLockRecord(*book) == more);
  const Bytes unknown = {16, 0, 1, 1};
  more = bytes;
  more.insert(more.end(), unknown.begin(), unknown.end());
  CHECK(DecodeLockRecord(more).status().code() == Code::kUnavailable);
  for (uint8_t bit = 8; bit != 0; bit = static_cast<uint8_t>(bit << 1)) {
    more = bytes;
    more[11] |= bit;  // the last byte of the flags
    CHECK(DecodeLockRecord(more).status().code() == Code::kUnavailable);
  }
  more = bytes;
  more[0] = 3;
  CHECK(DecodeLockRecord(more).status().code() == Code::kUnavailable);
}

TEST(LockRecord, TheEntryOfAReleasedId) {
  LockBook book = Full();
  const ReleasedId& entry = book.released.back();
  const Bytes bytes = EncodeReleasedId(entry);
  LONGS_EQUAL(kReleasedEntryBytes, bytes.size());
  Result<ReleasedId> back = DecodeReleasedId(0, bytes);
  CHECK(back.ok() && back->forced && back->id == entry.id && back->token == entry.token);
  LONGS_EQUAL(2000, back->time_ms);
  CHECK_FALSE(DecodeReleasedId(kReleasedSlots, bytes).ok());  // another release's of that place
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    Bytes flipped = bytes;
    flipped[i / 8] ^= static_cast<uint8_t>(1 << i % 8);
    CHECK_FALSE(DecodeReleasedId(0, flipped).ok());
  }
}

TEST(LockRecord, TheLargestOneHasRoom) {
  LockBook book;
  for (size_t i = 0; i < kReleasedIdsKept; ++i) {
    LockRecord holder;
    holder.id = std::to_string(i);
    Take(&book, holder, 0);
    Release(&book, {"", std::string(1024, 'f'), false}, 0);
    book.last_forced.reset();
  }
  LockRecord holder;
  holder.id = std::string(128, 'i');
  holder.info = std::string(16384, 'x');
  holder.principal = std::string(1024, 'p');
  holder.operation = std::string(128, 'o');
  holder.token_sha256 = std::string(64, 'a');
  holder.base = holder.time_ms = 1;
  Take(&book, holder, 1);
  book.last_forced = ForcedRelease{std::string(1024, 'f'), 1};
  CHECK(EncodeLockRecord(book).size() <= kMaxLockRecord);
}

}  // namespace stateward
