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
  Release(&book, {"a", "bob", true}, 1000);
  Take(&book, HeldLock("b", "carol"), 2000);
  for (int64_t now : {int64_t{1000}, int64_t{3000}, kForceRepeatMs + 999}) {
    auto outcome = Release(&book, {"", "bob", false}, now);
    LONGS_EQUAL(kForceRepeatMs + 1000, std::get<HeldBy>(outcome).freed_from_ms);
  }
  CHECK(book.holder.has_value());
  LockBook later = book;
  CHECK(
      std::holds_alternative<Released>(Release(&later, {"", "bob", false}, kForceRepeatMs + 1000)));
  // The clock was set back: an age below zero proves no repeat.
  CHECK(std::holds_alternative<Released>(Release(&book, {"", "bob", false}, -1001)));
}

TEST(LockBookRelease, OnesOwnLockIsNotForcedByAny) {
  Take(&book, HeldLock("a", "alice"), 0);
  Release(&book, {"a", "alice", true}, 1);
  CHECK_FALSE(book.released.back().forced);
  CHECK_FALSE(book.last_forced.has_value());
}

TEST(LockBookRelease, AForcedOneOfOnesOwnLockIsSoInOneStep) {
  ReleaseRequest forced{"a", "alice"};
  forced.forced = true;
  Take(&book, HeldLock("a", "bob"), 0);
  CHECK(std::holds_alternative<HeldBy>(Release(&book, forced, 1)));
  CHECK_FALSE(book.burn);
  forced.principal = "bob";
  CHECK(std::holds_alternative<Released>(Release(&book, forced, 1)));
  CHECK(book.burn && book.released.back().forced);
  CHECK_FALSE(book.last_forced.has_value());  // its repeat names the ID
  book.burn = false;
  CHECK(std::holds_alternative<WasReleased>(Release(&book, forced, 2)));
  CHECK_FALSE(book.burn);
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

TEST(LockBookRelease, TheNewestIdsAreRemembered) {
  for (size_t i = 0; i < kReleasedIdsKept + 3; ++i) {
    Take(&book, HeldLock(std::to_string(i), "alice"), 0);
    Release(&book, {std::to_string(i), "alice", false}, 1);
    LONGS_EQUAL(i, book.released.back().number);
  }
  LONGS_EQUAL(kReleasedIdsKept, book.released.size());
  LONGS_EQUAL(kReleasedIdsKept * kReleasedTagBytes, book.tags.size());
  CHECK(MayBeReleased(book, "2").empty());
  LONGS_EQUAL(3, MayBeReleased(book, "3").at(0));
  CHECK(std::holds_alternative<WasReleased>(Release(&book, {"3", "alice", false}, 2)));
  CHECK(std::holds_alternative<NotHeld>(Release(&book, {"2", "alice", false}, 2)));
}

}  // namespace stateward
