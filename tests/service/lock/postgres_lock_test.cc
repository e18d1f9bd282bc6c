#include "lock/postgres_lock.h"

#include <string>

#include "conformance/locker_cases.h"
#include "service/postgres_box.h"
#include "storage/postgres_storage.h"

namespace stateward {
namespace {

class PostgresLockFixture : public LockerFixture {
 public:
  explicit PostgresLockFixture(bool with_storage = false, const char* service = "POSTGRES")
      : with_storage_(with_storage), connection_(ServiceEnv(service)) {
    if (!with_storage) return;
    CHECK(OpenStorage(PostgresBox::Pool()) != nullptr);
    CHECK(OpenStorage(PostgresBox::Pool())->WriteIdentity(Identity(), nullptr).ok());
  }
  std::shared_ptr<Locker> Open() override { return OpenOn(PostgresBox::Pool(8, connection_)); }
  std::shared_ptr<PostgresLock> OpenOn(const std::shared_ptr<PgPool>& pool) {
    return std::make_shared<PostgresLock>(pool, SystemClock(),
                                          PostgresLockOptions{"\"locks\"", with_storage_});
  }
  std::shared_ptr<PostgresStorage> OpenStorage(const std::shared_ptr<PgPool>& pool) {
    return std::make_shared<PostgresStorage>(pool, SystemClock(),
                                             PostgresStorageOptions{"\"states\"", with_storage_});
  }
  size_t Kept() override {
    return box_.Number("SELECT count(*) FROM stateward.state_locks") +
           box_.Number("SELECT count(*) FROM stateward.lock_entries");
  }
  // What it remembers becomes older.
  void Advance(int64_t ms) override {
    using namespace locker_cases;  // NOLINT: the cases' own words
    std::shared_ptr<PgPool> pool = PostgresBox::Pool(1);
    const std::string id = Id().hex();
    PgStatement load{"SELECT record FROM stateward.state_locks WHERE id = $1", {}};
    load.params.Text(id);
    LockBook book = Must(DecodeLockRecord(Must(pool->QueryOne(load, PgUse::kRead)).Raw(0, 0)));
    if (book.holder) book.holder->time_ms -= ms;
    if (book.last_forced) book.last_forced->time_ms -= ms;
    const Bytes record = EncodeLockRecord(book);
    PgStatement store{"UPDATE stateward.state_locks SET record = $2 WHERE id = $1", {}};
    store.params.Text(id).Bytea(record);
    Must(pool->QueryOne(store, PgUse::kRepeatable));
    const uint64_t count = book.tags.size() / kReleasedTagBytes;
    for (uint64_t number = book.releases - count; number < book.releases; ++number) {
      PgStatement find{"SELECT entry FROM stateward.lock_entries WHERE id = $1 AND slot = $2", {}};
      find.params.Text(id).Int8(SlotOfRelease(number));
      const PgRows rows = Must(pool->QueryOne(find, PgUse::kRead));
      ReleasedId entry = Must(DecodeReleasedId(number, rows.Raw(0, 0)));
      entry.time_ms -= ms;
      const Bytes bytes = EncodeReleasedId(entry);
      PgStatement change{"UPDATE stateward.lock_entries SET entry = $3 WHERE id = $1 AND slot = $2",
                         {}};
      change.params.Text(id).Int8(SlotOfRelease(number)).Bytea(bytes);
      Must(pool->QueryOne(change, PgUse::kRepeatable));
    }
  }
  PostgresBox& box() { return box_; }
  static StoreIdentity Identity() {
    return {std::string(32, 'a'), 1, "postgres", std::string(32, 'b'), Bytes(3, 's')};
  }

 private:
  const bool with_storage_;
  const std::string connection_;
  PostgresBox box_;
};

}  // namespace

TEST_GROUP(PostgresLockConforms) { PostgresLockFixture fixture; };
LOCKER_CONFORMS(PostgresLockConforms)
TEST(PostgresLockConforms, ForceWorksAgainAfterAWhile) {
  locker_cases::ForceWorksAgainAfterAWhile(fixture);
}
TEST(PostgresLockConforms, AClockThatWasSetBackForcesNoMore) {
  locker_cases::AClockThatWasSetBackForcesNoMore(fixture);
}
TEST(PostgresLockConforms, AClockThatWasSetBackForgetsNothing) {
  locker_cases::AClockThatWasSetBackForgetsNothing(fixture);
}
TEST(PostgresLockConforms, ReleasedIdIsForgottenAfterADay) {
  locker_cases::ReleasedIdIsForgottenAfterADay(fixture);
}
TEST_GROUP(PostgresLockWithStorageConforms) { PostgresLockFixture fixture{true}; };
LOCKER_CONFORMS(PostgresLockWithStorageConforms)
TEST_GROUP(PgBouncerLockConforms) { PostgresLockFixture fixture{true, "PGBOUNCER"}; };
LOCKER_CONFORMS(PgBouncerLockConforms)

TEST_GROUP(PostgresLock) {
  PostgresLockFixture fixture;
  StateId id = StateId::Of({"", "p", "n"});
  std::string legacy = std::string(64, 'e');
  LockKey key{id, {legacy}};

  void Original(const std::string& json) { fixture.box().PutLegacy("locks", legacy, json); }
};

TEST(PostgresLock, TheOriginalsLockIsRespectedUntilItIsReleased) {
  Original("{\"ID\":\"old\",\"Operation\":\"OperationTypeApply\"}");
  std::shared_ptr<Locker> l = locker_cases::Fresh(fixture);
  LockRecord holder =
      locker_cases::MustBe<HeldBy>(l->Acquire(key, locker_cases::Want("a"), locker_cases::Base7))
          .holder;
  STRCMP_EQUAL("old", holder.id.c_str());
  STRCMP_EQUAL("OperationTypeApply", holder.operation.c_str());
  STRCMP_EQUAL("", holder.principal.c_str());
  STRCMP_EQUAL("old", l->Look(key)->holder->id.c_str());
  locker_cases::MustBe<HeldBy>(l->Release(key, {"a", "alice", false}));
  LONGS_EQUAL(1, *l->CountLegacy());
  locker_cases::MustBe<Released>(l->Release(key, {"old", "alice", false}));
  LONGS_EQUAL(0, *l->CountLegacy());
  LONGS_EQUAL(0, fixture.box().Number("SELECT count(*) FROM locks"));
  locker_cases::MustBe<WasReleased>(
      l->Acquire(key, locker_cases::Want("old"), locker_cases::Base7));
  locker_cases::MustBe<Granted>(l->Acquire(key, locker_cases::Want("a"), locker_cases::Base7));
}

TEST(PostgresLock, TheOriginalsLockIsReleasedByForce) {
  Original("{\"ID\":\"old\"}");
  std::shared_ptr<Locker> l = locker_cases::Fresh(fixture);
  CHECK(l->BurnNext(key).ok());  // keeps the lock as it is
  locker_cases::MustBe<Released>(l->Release(key, {"", "admin", false}));
  LONGS_EQUAL(0, fixture.box().Number("SELECT count(*) FROM locks"));
  CHECK_FALSE(l->Look(key)->holder.has_value());
}

TEST(PostgresLock, TheOriginalsLockIsReleasedByForceWithItsId) {
  Original("{\"ID\":\"old\"}");
  std::shared_ptr<Locker> l = locker_cases::Fresh(fixture);
  locker_cases::MustBe<HeldBy>(l->Release(key, locker_cases::Forced("another")));
  LONGS_EQUAL(1, *l->CountLegacy());
  locker_cases::MustBe<Released>(l->Release(key, locker_cases::Forced("old")));
  LONGS_EQUAL(0, *l->CountLegacy());
  CHECK(locker_cases::LockSaysBurn(*l, "new"));
}

// Its table lies where this role's search path does not lead.
TEST(PostgresLock, ALockOfTheOriginalThatIsNotSeenIsAnOutage) {
  fixture.box().Exec("CREATE SCHEMA hidden");
  fixture.box().PutLegacy("hidden.locks", legacy, std::string("{\"ID\":\"old\"}"));
  fixture.box().Exec("REVOKE USAGE ON SCHEMA hidden FROM CURRENT_USER");
  std::shared_ptr<Locker> l = locker_cases::Fresh(fixture);
  const Result<AcquireOutcome> unseen =
      l->Acquire(key, locker_cases::Want("a"), locker_cases::Base7);
  locker_cases::IsUnavailable(unseen);
  STRCMP_CONTAINS("LOCK_POSTGRES_TABLE", unseen.status().detail().c_str());
  locker_cases::IsUnavailable(l->Look(key));
}

TEST(PostgresLock, ALockOfTheOriginalThatCannotBeReadIsAnOutage) {
  Original("no JSON");
  std::shared_ptr<Locker> l = locker_cases::Fresh(fixture);
  locker_cases::IsUnavailable(l->Acquire(key, locker_cases::Want("a"), locker_cases::Base7));
  locker_cases::IsUnavailable(l->Look(key));
  locker_cases::IsUnavailable(l->Release(key, {"a", "alice", false}));
  locker_cases::MustBe<Released>(l->Release(key, {"", "alice", false}));
  LONGS_EQUAL(0, fixture.box().Number("SELECT count(*) FROM locks"));
}

TEST(PostgresLock, AnotherServiceInItsPlaceIsAnOutage) {
  std::shared_ptr<Locker> l = locker_cases::Fresh(fixture);
  locker_cases::Take(*l, locker_cases::Want("a"));
  fixture.box().Exec("UPDATE stateward.lock_service SET id = repeat('c', 32)");
  locker_cases::IsUnavailable(l->Release(StateId::Of({"", "p", "never"}), {"a", "alice", false}));
  locker_cases::IsUnavailable(l->Acquire(id, locker_cases::Want("b"), locker_cases::Base7));
  locker_cases::IsUnavailable(l->Release(id, {"a", "alice", false}));
  locker_cases::IsUnavailable(l->CountHeld());
}

// The address leads to another one's Postgres for a while, or did so at the start.
TEST(PostgresLock, NothingIsLearntFromAnotherService) {
  PostgresBox& box = fixture.box();
  box.SetTimeline("00000001");
  const auto opened = [&] {
    return fixture.OpenOn(PostgresBox::Pool(2, PostgresBox::OnTimeline()));
  };
  const std::string service = locker_cases::Must(opened()->InitService(false));
  std::shared_ptr<PostgresLock> worked = opened();
  locker_cases::Must(worked->ServiceId());
  worked->Expect(service);
  locker_cases::Take(*worked, locker_cases::Want("a"));
  locker_cases::Free(*worked, "a");
  box.SetTimeline("00000007");
  box.Exec("UPDATE stateward.lock_service SET id = repeat('c', 32)");
  locker_cases::IsUnavailable(worked->Acquire(key, locker_cases::Want("b"), locker_cases::Base7));
  std::shared_ptr<PostgresLock> fresh = opened();
  STRCMP_EQUAL(std::string(32, 'c').c_str(), fresh->ServiceId()->c_str());
  CHECK_FALSE(fresh->Look(key)->holder.has_value());
  box.SetTimeline("00000001");
  box.Exec("UPDATE stateward.lock_service SET id = '" + service + "'");
  // There, terraform-backend had no locks.
  Original("{\"ID\":\"old\"}");
  STRCMP_EQUAL(service.c_str(), fresh->ServiceId()->c_str());
  fresh->Expect(service);
  for (const std::shared_ptr<PostgresLock>& each : {worked, fresh}) {
    locker_cases::MustBe<HeldBy>(each->Acquire(key, locker_cases::Want("b"), locker_cases::Base7));
    const std::string lock_id = each == worked ? "c" : "d";
    locker_cases::Take(*each, locker_cases::Want(lock_id));
    locker_cases::Free(*each, lock_id);
  }
  // The right one's are kept in mind.
  box.SetTimeline("00000002");
  CHECK(fresh->Look(id).ok());
  box.SetTimeline("00000001");
  locker_cases::IsUnavailable(fresh->Look(id));
}

// A failover, a restore, `init --locks`: locks may have been forgotten.
TEST(PostgresLock, InANewEpochEachStatesFirstGrantBurns) {
  std::shared_ptr<Locker> l = locker_cases::Fresh(fixture);
  std::string said;
  const auto base = [&](const BaseAsk& ask) -> Result<uint64_t> {
    said += ask.burn ? "b" : "-";
    return uint64_t{1};
  };
  StateId other = StateId::Of({"", "p", "other"});
  locker_cases::MustBe<Granted>(l->Acquire(id, locker_cases::Want("a"), base));
  locker_cases::Free(*l, "a");
  locker_cases::Must(l->InitService(true));
  locker_cases::MustBe<Granted>(l->Acquire(id, locker_cases::Want("b"), base));
  locker_cases::Free(*l, "b");
  locker_cases::MustBe<Granted>(l->Acquire(id, locker_cases::Want("c"), base));
  locker_cases::MustBe<Granted>(l->Acquire(other, locker_cases::Want("d"), base));
  STRCMP_EQUAL("-b-b", said.c_str());
}

TEST(PostgresLock, ACopyThatWasPutBackIsANewEpochForStatesThatItDoesNotKnow) {
  std::shared_ptr<Locker> l = locker_cases::Fresh(fixture);
  locker_cases::Take(*l, locker_cases::Want("a"));
  fixture.box().PutLocksBack();
  LONGS_EQUAL(1, l->CountHeld()->whole);
  std::string said;
  const auto base = [&](const BaseAsk& ask) -> Result<uint64_t> {
    said += ask.burn ? "b" : "-";
    return uint64_t{1};
  };
  const StateId other = StateId::Of({"", "p", "other"});
  for (const char* lock_id : {"b", "c"}) {
    locker_cases::MustBe<Granted>(l->Acquire(other, locker_cases::Want(lock_id), base));
    locker_cases::MustBe<Released>(l->Release(other, {lock_id, "alice", false}));
  }
  // One that it does know, and shows as held.
  locker_cases::Free(*l, "a");
  locker_cases::MustBe<Granted>(l->Acquire(id, locker_cases::Want("d"), base));
  STRCMP_EQUAL("b-b", said.c_str());
}

TEST(PostgresLock, ForcedReleaseBurnsAtTheNextGrant) {
  std::shared_ptr<Locker> l = locker_cases::Fresh(fixture);
  locker_cases::Take(*l, locker_cases::Want("a"));
  locker_cases::MustBe<Released>(l->Release(id, {"", "bob", false}));
  bool burnt = false;
  const auto base = [&](const BaseAsk& ask) -> Result<uint64_t> {
    burnt = ask.burn;
    return uint64_t{1};
  };
  locker_cases::MustBe<Granted>(l->Acquire(id, locker_cases::Want("b"), base));
  CHECK(burnt);
}

TEST_GROUP(PostgresTogether) {
  PostgresLockFixture fixture{true};
  std::shared_ptr<PgPool> pool = PostgresBox::Pool();
  std::shared_ptr<PostgresLock> lock = fixture.OpenOn(pool);
  std::shared_ptr<PostgresStorage> storage = fixture.OpenStorage(pool);
  StateId id = StateId::Of({"", "p", "n"});
  std::string one = "one";

  void setup() override { CHECK(lock->InitService(false).ok()); }
  static PgQueries& Queries(const LockView& view) {
    return dynamic_cast<PgTransaction&>(*view.transaction);
  }
  bool Appends(const LockView& view) {
    return storage->Within(*view.transaction)->Append(id, 0, one)->appended;
  }
};

TEST(PostgresTogether, LockAndAppendAreOneTransaction) {
  std::shared_ptr<PostgresStorage> outside = fixture.OpenStorage(PostgresBox::Pool());
  Status status = lock->WithLock(id, [&](const LockView& view) {
    CHECK_FALSE(view.holder.has_value());
    const std::unique_ptr<Storage> inside = storage->Within(*view.transaction);
    LONGS_EQUAL(0, *inside->Head(id));
    CHECK(inside->Append(id, 0, one)->appended);
    LONGS_EQUAL(1, *inside->Head(id));
    LONGS_EQUAL(0, *storage->Head(id));                                 // not committed yet
    POINTERS_EQUAL(nullptr, outside->Within(*view.transaction).get());  // another pool
  });
  CHECK(status.ok());
  LONGS_EQUAL(1, *outside->Head(id));
}

TEST(PostgresTogether, NobodyTakesTheLockMeanwhile) {
  std::thread other;
  std::atomic<bool> taken{false};
  bool early = false;
  bool appended = false;
  Status status = lock->WithLock(id, [&](const LockView& view) {
    other = std::thread([&] {
      std::shared_ptr<PostgresLock> another = fixture.OpenOn(PostgresBox::Pool());
      // This thread may stand still for longer than the other one waits.
      taken = AskAgain([&] {
                return another->Acquire(id, locker_cases::Want("b"), locker_cases::Base7);
              }).ok();
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    early = taken;
    appended = Appends(view);
  });
  if (other.joinable()) other.join();
  CHECK(status.ok());
  CHECK_FALSE(early);
  CHECK(appended);
  CHECK(taken);
}

// The storage alone has talked to the new primary.
TEST(PostgresTogether, WhatTheStorageSawOfTheTimelineHoldsForTheLock) {
  PostgresBox& box = fixture.box();
  box.SetTimeline("00000001");
  pool = PostgresBox::Pool(2, PostgresBox::OnTimeline());
  lock = fixture.OpenOn(pool);
  lock->Expect(locker_cases::Must(lock->ServiceId()));
  storage = fixture.OpenStorage(pool);
  storage->Expect(PostgresLockFixture::Identity());
  const auto base = [&](const BaseAsk& ask) { return storage->Within(*ask.transaction)->Head(id); };
  for (const char* lock_id : {"a", "b"}) {  // the second in one round trip
    locker_cases::MustBe<Granted>(lock->Acquire(id, locker_cases::Want(lock_id), base));
    locker_cases::MustBe<Released>(lock->Release(id, {lock_id, "alice", false}));
  }
  locker_cases::MustBe<Granted>(lock->Acquire(id, locker_cases::Want("c"), base));
  box.SetTimeline("00000002");
  LONGS_EQUAL(0, *storage->Head(id));
  box.SetTimeline("00000001");
  locker_cases::IsUnavailable(lock->Release(id, {"c", "alice", false}));
  locker_cases::IsUnavailable(
      lock->Acquire(StateId::Of({"", "p", "other"}), locker_cases::Want("d"), base));
  locker_cases::IsUnavailable(lock->Look(id));
  bool asked = false;
  CHECK_FALSE(lock->WithLock(id, [&](const LockView&) { asked = true; }).ok());
  CHECK_FALSE(asked);
  LONGS_EQUAL(1, box.Number("SELECT count(*) FROM stateward.state_locks WHERE held"));
}

TEST(PostgresTogether, AFailedStatementUndoesAll) {
  Status status = lock->WithLock(id, [&](const LockView& view) {
    CHECK(Appends(view));
    CHECK_FALSE(Queries(view).QueryOne({"SELECT 1/0", {}}, PgUse::kRead).ok());
    CHECK(storage->Within(*view.transaction)->Head(id).status().code() == Code::kUnavailable);
  });
  CHECK(status.code() == Code::kUnavailable);
  STRCMP_CONTAINS("SQLSTATE 22012", status.detail().c_str());
  LONGS_EQUAL(0, *storage->Head(id));
}

// The server ends the session between the append and the commit.
TEST(PostgresTogether, ALostConnectionUndoesAll) {
  Status status = lock->WithLock(id, [&](const LockView& view) {
    CHECK(Appends(view));
    Result<PgRows> self =
        Queries(view).QueryOne({"SELECT pg_backend_pid()::int8", {}}, PgUse::kRead);
    fixture.box().Exec("SELECT pg_terminate_backend(" + std::to_string(self->Int8(0, 0)) + ")");
  });
  CHECK(status.code() == Code::kUnavailable);
  LONGS_EQUAL(0, *storage->Head(id));  // on a fresh connection
  CHECK(lock->WithLock(id, [&](const LockView& view) { CHECK(Appends(view)); }).ok());
}

TEST(PostgresTogether, TheBaseIsReadInsideTheTransaction) {
  CHECK(lock->WithLock(id, [&](const LockView& view) { CHECK(Appends(view)); }).ok());
  const auto base = [&](const BaseAsk& ask) { return storage->Within(*ask.transaction)->Head(id); };
  locker_cases::MustBe<Granted>(lock->Acquire(id, locker_cases::Want("a"), base));
  LONGS_EQUAL(1, lock->Look(id)->holder->base);
}

TEST(PostgresTogether, WhoeverStopsInTheMiddleHoldsOthersUpForABoundedTime) {
  LONGS_EQUAL(0, *storage->Head(id));
  Status status = lock->WithLock(id, [&](const LockView& view) {
    // The limit under test is the other one's. This transaction is idle for as long, and would be
    // ended if the test stood still for some seconds more.
    const PgStatement patient{"SET LOCAL idle_in_transaction_session_timeout = 0", {}};
    CHECK(Queries(view).QueryOne(patient, PgUse::kRead).ok());
    std::shared_ptr<PostgresLock> another = fixture.OpenOn(PostgresBox::Pool());
    CHECK(another->Acquire(id, locker_cases::Want("b"), locker_cases::Base7).status().code() ==
          Code::kUnavailable);  // after lock_timeout
  });
  CHECK(status.ok());
}

}  // namespace stateward
