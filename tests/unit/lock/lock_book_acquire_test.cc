#include <CppUTest/TestHarness.h>

#include <string>
#include <variant>

#include "lock/lock_record.h"

namespace stateward {
namespace {

LockRecord Want(const std::string& id, const std::string& principal = "alice") {
  LockRecord record;
  record.id = id;
  record.principal = principal;
  return record;
}

template <typename Outcome>
bool Answers(const LockBook& book, const LockRecord& want) {
  return std::holds_alternative<Outcome>(DecideAcquire(book, want, 1000));
}

}  // namespace

TEST_GROUP(LockBookAcquire) {
  LockBook book;

  void TakeAndRelease(const std::string& id) {
    Take(&book, Want(id), 0);
    Release(&book, ReleaseRequest{id, "alice"}, 1);
  }
};

TEST(LockBookAcquire, FreeIsGranted) {
  auto outcome = DecideAcquire(book, Want("a"), 0);
  CHECK_FALSE(std::get<Granted>(outcome).repeated);
}

TEST(LockBookAcquire, TheHolderMayRepeatAndNobodyElse) {
  Take(&book, Want("a"), 0);
  CHECK(std::get<Granted>(DecideAcquire(book, Want("a"), 0)).repeated);
  CHECK(Answers<HeldBy>(book, Want("a", "bob")));
  CHECK(Answers<HeldBy>(book, Want("b")));
}

TEST(LockBookAcquire, AReleasedIdIsNeverGrantedAgain) {
  TakeAndRelease("a");
  CHECK(Answers<WasReleased>(book, Want("a")));
}

// 423 would make a client with -lock-timeout ask again and again for what it can never have.
TEST(LockBookAcquire, AReleasedIdIsSaidToBeSoWhileAnotherHoldsTheLock) {
  TakeAndRelease("a");
  Take(&book, Want("b"), 2);
  CHECK(Answers<WasReleased>(book, Want("a")));
  CHECK(Answers<HeldBy>(book, Want("c")));
}

TEST(LockBookAcquire, AForcedReleaseBurnsOnceBeforeTheNextGrant) {
  Take(&book, Want("a"), 0);
  Release(&book, ReleaseRequest{"", "bob"}, 1);
  CHECK(DecodeLockRecord(EncodeLockRecord(book))->burn);
  Take(&book, Want("b"), 2);
  CHECK_FALSE(book.burn);
  CHECK_FALSE(DecodeLockRecord(EncodeLockRecord(book))->burn);
  Release(&book, ReleaseRequest{"b", "alice"}, 3);
  CHECK_FALSE(book.burn);
}

TEST(LockBookAcquire, TheOriginalsLockIsWhosesoeverNamesItsId) {
  Take(&book, Want("a", ""), 0);
  CHECK(Answers<Granted>(book, Want("a", "bob")));
  CHECK(Answers<HeldBy>(book, Want("b", "bob")));
  CHECK(std::holds_alternative<HeldBy>(Release(&book, ReleaseRequest{"b", "bob"}, 1)));
  CHECK(std::holds_alternative<Released>(Release(&book, ReleaseRequest{"a", "bob"}, 1)));
}

}  // namespace stateward
