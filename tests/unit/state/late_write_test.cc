// Lock sessions, and writes that arrive late: when the lock service forgets, when an outcome is not
// known, when a lock was forced away.
#include <CppUTest/TestHarness.h>

#include "base/sha256.h"
#include "history/history.h"
#include "stateward/closed_store.h"
#include "unit/state/service_fixture.h"

namespace stateward {

TEST_GROUP_BASE(LateWrite, ServiceFixture){};

TEST(LateWrite, AnotherSessionsVersionAboveTheBase) {
  // The lock service forgot, let another in, and then remembered (a snapshot that was restored).
  locker.still = false;
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Put(Doc(2), "a"));
  locker.ForgetEverything();
  Is(Code::kOk, Lock("b"));
  Is(Code::kConflict, Put(Doc(3, "L", "a's"), "a"));
  Is(Code::kOk, Put(Doc(3, "L", "b's"), "b"));
  Is(Code::kOk, Unlock("b"));
  Holds(Doc(3, "L", "b's"));
  LONGS_EQUAL(1, Kept());
}

TEST(LateWrite, ARecordOfAnotherSessionAboveTheBaseStopsThisOne) {
  locker.still = false;
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Lock("a"));
  // It landed although the lock is a's: nothing but what it says of its session tells.
  const SecretBytes other = Doc(2, "L", "b's");
  SealedInfo info;
  info.key = grant.key;
  info.version.serial = 2;
  info.version.lineage = "L";
  info.version.size = other.size();
  info.version.sha256 = Sha256(other);
  info.version.lock_id = "b";
  info.version.lock_base = 1;
  Bytes sealed;
  const History history(storage, *kms, (*gate.Store())->store_id);
  CHECK(history.Append(Id(), 1, info, other, &sealed)->appended);
  Is(Code::kConflict, Put(Doc(3, "L", "a's"), "a"));
  Holds(other);
  LONGS_EQUAL(1, Kept());
}

TEST(LateWrite, WriteBetweenLookAndAppendLoses) {
  locker.still = false;
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Put(Doc(1), "a"));
  // While a's write is paused its lock is forced away and b works.
  locker.between = [this] {
    Is(Code::kOk, Unlock(""));
    Is(Code::kOk, Lock("b"));
    Is(Code::kOk, Put(Doc(2, "L", "b's"), "b"));
  };
  Is(Code::kConflict, Put(Doc(2, "L", "a's"), "a"));
  Holds(Doc(2, "L", "b's"));
  LONGS_EQUAL(1, Kept());
}

TEST(LateWrite, ForcedReleaseTakesTheNumberOfALateWrite) {
  locker.still = false;
  storage.late = true;
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Put(Doc(1), "a"));
  // a's next write times out, and so does the look whether it arrived.
  storage.next_append = MemStorage::NextAppend::kArrivesLate;
  locker.between = [] {};
  StateAnswer lost = service->Put(grant, "a", Doc(2, "L", "late"));
  Is(Code::kUnavailable, lost.status.code());
  uint64_t head = HeadOf();
  Is(Code::kOk, Unlock(""));
  Is(Code::kOk, Lock("b"));
  CHECK(HeadOf() > head);  // a no-op record
  CHECK_FALSE(storage.Arrive().appended);
  Is(Code::kOk, Put(Doc(2, "L", "b's"), "b"));
  Holds(Doc(2, "L", "b's"));
}

TEST(LateWrite, UnresolvedWriteIsProvidedForByTheNextLock) {
  locker.still = false;
  storage.late = true;
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Put(Doc(1), "a"));
  storage.next_append = MemStorage::NextAppend::kLateAndDown;
  Is(Code::kUnavailable, Put(Doc(2, "L", "late"), "a"));
  storage.down = false;
  Is(Code::kOk, Unlock("a"));  // it gave up
  Is(Code::kOk, Lock("b"));
  LONGS_EQUAL(2, HeadOf());
  CHECK_FALSE(storage.Arrive().appended);
  Is(Code::kOk, Put(Doc(2, "L", "b's"), "b"));
  Holds(Doc(2, "L", "b's"));
}

// Only the write's own number is taken, or b's next write would meet what a's worker takes too
// late.
TEST(LateWrite, SlowWorkerThatResolvesDisturbsNobody) {
  locker.still = false;
  storage.late = true;
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Put(Doc(1), "a"));
  storage.next_append = MemStorage::NextAppend::kArrivesLate;
  storage.after_late_get = [this] {
    Is(Code::kOk, Unlock(""));
    Is(Code::kOk, Lock("b"));
    Is(Code::kOk, Put(Doc(2, "L", "b's"), "b"));
  };
  Is(Code::kConflict, Put(Doc(2, "L", "a's"), "a"));
  Is(Code::kOk, Put(Doc(3, "L", "b's"), "b"));
  Holds(Doc(3, "L", "b's"));
}

TEST(LateWrite, LockServiceThatForgotEverything) {
  locker.still = false;
  storage.late = true;
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Put(Doc(1), "a"));
  // a's write is paused after it looked; the locks are lost; b has the lock, and writes nothing
  // yet.
  locker.between = [this] {
    locker.ForgetEverything();
    Is(Code::kOk, Lock("b"));
    LONGS_EQUAL(2, HeadOf());  // a no-op record
    Is(Code::kOk, Lock("b"));  // a repeat takes nothing
    LONGS_EQUAL(2, HeadOf());
  };
  Is(Code::kConflict, Put(Doc(2, "L", "a's"), "a"));
  Holds(Doc(1));
  Is(Code::kConflict, Put(Doc(3, "L", "a's"), "a"));
  LONGS_EQUAL(2, Kept());
  Is(Code::kOk, Put(Doc(2, "L", "b's"), "b"));
  Is(Code::kOk, Unlock("b"));
  Is(Code::kOk, Unlock("a"));  // of the forgotten lock
  Holds(Doc(2, "L", "b's"));
}

TEST(LateWrite, LockServiceGivenAnewForgets) {
  locker.still = false;
  Is(Code::kOk, Put(Doc(1)));
  CHECK(gate.Init(true, *kms).ok());
  Is(Code::kOk, Lock("a"));
  LONGS_EQUAL(2, HeadOf());
  Is(Code::kOk, Put(Doc(2), "a"));
  Is(Code::kOk, Unlock("a"));
  Is(Code::kOk, Lock("b"));  // once is enough
  LONGS_EQUAL(3, HeadOf());
}

TEST(LateWrite, TwoWorkersThatCompleteOneLockTakeOneNumber) {
  Is(Code::kOk, Put(Doc(1)));
  std::string store_id = storage.ReadIdentity()->store_id;
  VersionInfo info;
  info.lock_id = "a";
  LONGS_EQUAL(2, *TakeNextNumber(History(storage, *kms, store_id), grant.key, Id(), info));
  LONGS_EQUAL(2, *TakeNextNumber(History(storage, *kms, store_id), grant.key, Id(), info));
  info.lock_id = "b";
  LONGS_EQUAL(3, *TakeNextNumber(History(storage, *kms, store_id), grant.key, Id(), info));
}

TEST(LateWrite, UnknownOutcomeIsReadBack) {
  Is(Code::kOk, Lock("a"));
  storage.next_append = MemStorage::NextAppend::kDoneButFails;
  Is(Code::kOk, Put(Doc(1), "a"));
  LONGS_EQUAL(1, HeadOf());
  storage.next_append = MemStorage::NextAppend::kFails;
  Is(Code::kUnavailable, Put(Doc(2), "a"));
  Is(Code::kOk, Put(Doc(2), "a"));
  Holds(Doc(2));
}

TEST(LateWrite, SessionGoesOnBehindItsOwnNoOpRecord) {
  storage.late = true;
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Put(Doc(1), "a"));
  storage.next_append = MemStorage::NextAppend::kArrivesLate;
  Is(Code::kUnavailable, Put(Doc(2), "a"));
  CHECK_FALSE(storage.Arrive().appended);
  Is(Code::kOk, Put(Doc(2), "a"));  // the client's repeat
  Is(Code::kOk, Unlock("a"));
  Holds(Doc(2));
  LONGS_EQUAL(0, Kept());
}

TEST(LateWrite, WhatTookLongIsAcknowledgedOnlyByAStoreThatIsStillOpen) {
  Is(Code::kOk, Put(Doc(1)));
  int64_t took_ms = 0;
  const auto close = [&] {
    const StoreIdentity open = *storage.ReadIdentity();
    CHECK(storage.WriteIdentity(ClosedStore(open, "moved to fs /x"), &open).ok());
    clock.Advance(took_ms);
  };
  const auto reopen = [&] {
    const StoreIdentity closed = *storage.ReadIdentity();
    CHECK(storage.WriteIdentity(**gate.Store(), &closed).ok());
  };
  // The copy's last pass comes later than such a write.
  took_ms = 1000;
  storage.before_append = close;
  Is(Code::kOk, Put(Doc(2)));
  reopen();
  // The last pass may have been there before such a one.
  took_ms = 6000;
  storage.before_append = close;
  StateAnswer answer = service->Put(grant, "", Doc(3));
  Is(Code::kUnavailable, answer.status.code());
  STRCMP_CONTAINS("moved to fs /x", answer.hint.c_str());
  reopen();
  storage.before_append = close;
  Is(Code::kUnavailable, Delete());
  reopen();
  // Slow, and nothing happened.
  storage.before_append = [&] { clock.Advance(took_ms); };
  Is(Code::kOk, Put(Doc(5)));
  storage.before_append = [&] {
    clock.Advance(took_ms);
    storage.down = true;
  };
  Is(Code::kUnavailable, Put(Doc(6)));
}

TEST(LateWrite, AnUploadThatTookLongIsNotSaidToBeKeptByAStoreThatWasClosed) {
  Is(Code::kOk, Put(Doc(2)));
  storage.before_list_uploads = [this] {
    storage.before_list_uploads = nullptr;
    const StoreIdentity open = *storage.ReadIdentity();
    CHECK(storage.WriteIdentity(ClosedStore(open, "moved to fs /x"), &open).ok());
    clock.Advance(6000);
  };
  StateAnswer answer = service->Put(grant, "", Doc(1));
  Is(Code::kUnavailable, answer.status.code());
  STRCMP_EQUAL("", answer.upload.c_str());
}

}  // namespace stateward
