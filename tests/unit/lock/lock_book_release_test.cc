#include <CppUTest/TestHarness.h>

#include <string>
#include <variant>

#include "lock/lock_book.h"

namespace stateward {
namespace {

LockRecord HeldLock(const std::string& id, const std::string& principal) {
  LockRecord record;
  record.id = id;
  record.principal = principal;
  return record;
}

}  // namespace

TEST_GROUP(LockBookRelease) { LockBook book; };

TEST(LockBookRelease, AnotherPrincipalNeedsToSayAny) {
  Take(&book, HeldLock("a", "alice"), 0);
  CHECK(std::holds_alternative<HeldBy>(Release(&book, {"a", "bob", false}, 1)));
  CHECK(std::holds_alternative<Released>(Release(&book, {"a", "bob", true}, 1)));
  CHECK(book.released.back().forced);
}

// A client that sent an ID, and repeats without one, must not free the next holder's lock.
TEST(LockBookRelease, AForcedReleaseByIdCountsForItsRepeats) {
  Take(&book, HeldLock("a", "alice"), 0);
  Release(&book, {"a", "bob", true}, 1);
  Take(&book, HeldLock("b", "carol"), 2);
  CHECK(std::holds_alternative<NotHeld>(Release(&book, {"", "bob", false}, 3)));
  CHECK(book.holder.has_value());
  CHECK(std::holds_alternative<Released>(Release(&book, {"", "bob", false}, kForceRepeatMs + 1)));
}

TEST(LockBookRelease, OnesOwnLockIsNotForcedByAny) {
  Take(&book, HeldLock("a", "alice"), 0);
  Release(&book, {"a", "alice", true}, 1);
  CHECK_FALSE(book.released.back().forced);
  CHECK_FALSE(book.last_forced.has_value());
}

TEST(LockBookRelease, TheTokenOfAReleasedLockIsRemembered) {
  LockRecord record = HeldLock("a", "alice");
  record.token_sha256 = std::string(64, 'a');
  Take(&book, record, 0);
  CHECK_FALSE(TokenReleased(book, record.token_sha256, 1));
  Release(&book, {"a", "alice", false}, 1);
  CHECK(TokenReleased(book, record.token_sha256, 2));
  CHECK_FALSE(TokenReleased(book, std::string(64, 'b'), 2));
  CHECK_FALSE(TokenReleased(book, "", 2));
  CHECK_FALSE(TokenReleased(book, record.token_sha256, 1 + kReleasedIdsKeptMs));
}

TEST(LockBookRelease, APlansLockIsWrittenAsOne) {
  LockRecord record = HeldLock("a", "alice");
  for (bool plan : {false, true}) {
    record.plan_only = plan;
    Take(&book, record, 0);
    Bytes bytes = EncodeLockBook(book);
    CHECK_EQUAL(plan, DecodeLockBook(bytes)->holder->plan_only);
    bytes[1] = 2;
    CHECK_FALSE(DecodeLockBook(bytes).ok());
  }
}

}  // namespace stateward
