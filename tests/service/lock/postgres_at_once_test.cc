// LOCK and UNLOCK by the functions in the schema: what they store is what the step in the server
// would have stored, and each works next to the other.
#include <atomic>
#include <string>
#include <thread>

#include "conformance/locker_cases.h"
#include "lock/postgres_lock.h"
#include "service/postgres_box.h"
#include "storage/postgres_storage.h"

namespace stateward {

using locker_cases::Base7;
using locker_cases::Must;
using locker_cases::MustBe;
using locker_cases::Want;

TEST_GROUP(PostgresAtOnce) {
  PostgresBox box;
  std::shared_ptr<PgPool> pool = PostgresBox::Pool(2);
  std::shared_ptr<PgPool> old_pool = PostgresBox::Pool(2);
  PostgresLock lock{pool, SystemClock(), PostgresLockOptions{"\"locks\"", true}};
  PostgresLock old_lock{old_pool, SystemClock(), PostgresLockOptions{"\"locks\"", true}};
  PostgresStorage storage{pool, SystemClock(), PostgresStorageOptions{"\"states\"", true}};
  StateId id = StateId::Of({"", "p", "n"});
  bool changed = false;

  void setup() override {
    StoreIdentity marker{std::string(32, 'a'), 1, "postgres", std::string(32, 'b'), Bytes(3, 's')};
    CHECK(storage.WriteIdentity(marker, nullptr).ok());
    CHECK(lock.InitService(false).ok());
    CHECK(pool->HasFunctions());
    old_pool->LearnFunctions(false);  // for longer than a test takes
    // What the first step finds out.
    MustBe<Granted>(lock.Acquire(id, Want("first"), HeadBase()));
    MustBe<Released>(lock.Release(id, {"first", "alice"}));
    MustBe<NotHeld>(old_lock.Release(StateId::Of({"", "p", "other"}), {"x", "alice"}));
  }
  void teardown() override { box.Exec("ALTER ROLE CURRENT_USER RESET ALL"); }
  BaseFn HeadBase() {
    return [this](const BaseAsk& ask) {
      const std::unique_ptr<Storage> within = storage.Within(*ask.transaction);
      return within != nullptr ? within->Head(id) : storage.Head(id);
    };
  }
  Bytes Record() {
    PgStatement load{"SELECT record FROM stateward.state_locks WHERE id = $1", {}};
    load.params.Text(id.hex());
    return Must(pool->QueryOne(load, PgUse::kRead)).Bytea(0, 0);
  }
  LockBook Book() { return Must(DecodeLockRecord(Record())); }
  void Append(uint64_t head) { CHECK(storage.Append(id, head, std::string("record"))->appended); }
  // `ask` waits for the gates while they get another tag.
  template <typename Fn>
  void ExchangeGatesDuring(Fn && ask) {
    std::vector<PgRows> rows;
    std::unique_ptr<PgTransaction> exchange =
        Must(old_pool->Begin({{"LOCK TABLE stateward.lock_service IN ACCESS EXCLUSIVE MODE", {}},
                              {"SET LOCAL idle_in_transaction_session_timeout = 0", {}}},
                             &rows));
    std::atomic<bool> ended{false};
    std::thread asker([&] {
      ask();
      ended = true;
    });
    while (box.Number("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation ="
                      " 'stateward.lock_service'::regclass") == 0 &&
           !ended) {
      std::this_thread::yield();
    }
    const Status exchanged =
        exchange->Commit({{"UPDATE stateward.lock_service SET gate_tag = '0123456789abcdef',"
                           " gates = '{\"version\":1,\"gates\":[]}'",
                           {}}});
    asker.join();
    CHECK(exchanged.ok());
  }
  template <typename Fn>
  uint64_t RoundTripsOf(Fn && step) {
    const uint64_t before = pool->RoundTrips();
    step();
    return pool->RoundTrips() - before;
  }
};

// Byte for byte, from no released ID to more than are remembered.
TEST(PostgresAtOnce, WhatIsStoredIsWhatAServerWouldStore) {
  for (int i = 0; i < 140; ++i) {
    if (i % 50 == 0) Append(static_cast<uint64_t>(i / 50));
    LockRecord want = Want("id-" + std::to_string(i));
    want.plan_only = i % 3 == 0;
    if (i % 5 > 0) want.token_sha256 = std::string(64, static_cast<char>('0' + i % 10));
    if (i % 7 == 0) want.operation.clear();
    LockBook expected = Book();
    LONGS_EQUAL(1, RoundTripsOf([&] { MustBe<Granted>(lock.Acquire(id, want, HeadBase())); }));
    LockBook held = Book();
    CHECK(held.holder.has_value());
    const int64_t taken_ms = held.holder->time_ms;
    CHECK(taken_ms > 0);
    want.base = Must(storage.Head(id));
    Take(&expected, want, taken_ms);
    CHECK(EncodeLockRecord(expected) == Record());

    LONGS_EQUAL(1, RoundTripsOf([&] {
                  const auto out = MustBe<Released>(lock.Release(id, {want.id, want.principal}));
                  locker_cases::SameRecord(want, want.base, out.record);
                }));
    PgStatement find{"SELECT entry FROM stateward.lock_entries WHERE id = $1 AND slot = $2", {}};
    find.params.Text(id.hex()).Int8(SlotOfRelease(expected.releases));
    const PgRows rows = Must(pool->QueryOne(find, PgUse::kRead));
    const ReleasedId entry = Must(DecodeReleasedId(expected.releases, rows.Raw(0, 0)));
    CHECK(std::holds_alternative<Released>(
        Release(&expected, {want.id, want.principal}, entry.time_ms)));
    CHECK(EncodeLockRecord(expected) == Record());
    CHECK(EncodeReleasedId(expected.released.back()) == rows.Bytea(0, 0));
  }
}

TEST(PostgresAtOnce, ServersWithAndWithoutTheFunctionsWorkTogether) {
  for (int i = 0; i < 4; ++i) {
    const std::string lock_id = "id-" + std::to_string(i);
    PostgresLock& one = i % 2 == 0 ? lock : old_lock;
    PostgresLock& other = i % 2 == 0 ? old_lock : lock;
    MustBe<Granted>(one.Acquire(id, Want(lock_id), HeadBase()));
    MustBe<HeldBy>(other.Acquire(id, Want("b"), HeadBase()));
    CHECK(MustBe<Granted>(other.Acquire(id, Want(lock_id), HeadBase())).repeated);
    MustBe<Released>(other.Release(id, {lock_id, "alice"}));
    MustBe<WasReleased>(one.Acquire(id, Want(lock_id), HeadBase()));
    MustBe<WasReleased>(one.Release(id, {lock_id, "alice"}));
  }
}

// Put back from a dump while the server runs: the first LOCK of each state is none of the plain.
TEST(PostgresAtOnce, ACopyThatWasPutBackIsANewEpoch) {
  MustBe<Granted>(lock.Acquire(id, Want("a"), HeadBase()));
  MustBe<Released>(lock.Release(id, {"a", "alice"}));
  box.PutLocksBack();
  std::string said;
  const auto base = [&](const BaseAsk& ask) {
    said += ask.burn ? "b" : "-";
    return HeadBase()(ask);
  };
  for (const char* lock_id : {"b", "c"}) {
    MustBe<Granted>(lock.Acquire(id, Want(lock_id), base));
    MustBe<Released>(lock.Release(id, {lock_id, "alice"}));
  }
  STRCMP_EQUAL("b-", said.c_str());
}

TEST(PostgresAtOnce, WithoutTheFunctionsItTakesMoreRoundTripsAndNoError) {
  box.Exec("DROP FUNCTION stateward.acquire_3, stateward.release_3, stateward.hold_3");
  MustBe<Granted>(lock.Acquire(id, Want("a"), HeadBase()));
  MustBe<Released>(lock.Release(id, {"a", "alice"}));
  CHECK_FALSE(pool->HasFunctions());
  CHECK(lock.WithLock(id, [](LockView&) {}).ok());
}

// What is not plain is decided by the server.
TEST(PostgresAtOnce, WhatIsNotPlainIsLeftToTheServer) {
  const auto bob = [](const char* lock_id) {
    LockRecord want = Want(lock_id);
    want.principal = "bob";
    return want;
  };
  MustBe<Granted>(lock.Acquire(id, Want("a"), HeadBase()));
  MustBe<HeldBy>(lock.Acquire(id, bob("a"), HeadBase()));
  MustBe<HeldBy>(lock.Release(id, {"a", "bob"}));
  MustBe<HeldBy>(lock.Release(id, {"b", "alice"}));
  STRCMP_EQUAL("a", Book().holder->id.c_str());
  MustBe<Released>(lock.Release(id, {"", "bob"}));  // by force: the next grant burns
  bool burn = false;
  MustBe<Granted>(lock.Acquire(id, Want("c"), [&](const BaseAsk& ask) -> Result<uint64_t> {
    burn = ask.burn;
    return uint64_t{0};
  }));
  CHECK(burn);
}

TEST(PostgresAtOnce, RecordsThatAreGoneAreNoBase) {
  Append(0);
  Append(1);
  MustBe<Granted>(lock.Acquire(id, Want("a"), HeadBase()));
  MustBe<Released>(lock.Release(id, {"a", "alice"}));
  box.Exec("DELETE FROM stateward.records WHERE n = 2");
  // The function leaves it to the step, which shows its mark to who asks for the base.
  uint64_t mark = 0;
  const auto refuse = [&](const BaseAsk& ask) -> Result<uint64_t> {
    mark = ask.mark;
    return Status::Unavailable("gone");
  };
  CHECK_FALSE(lock.Acquire(id, Want("b"), refuse).ok());
  LONGS_EQUAL(2, mark);
  CHECK_FALSE(Book().holder.has_value());
}

// A base that is an error, or another than the newest record.
TEST(PostgresAtOnce, TheBaseHasTheLastWord) {
  const auto moved = [](const BaseAsk&) -> Result<uint64_t> {
    return Status(Code::kConflict, "moved");
  };
  CHECK_FALSE(lock.Acquire(id, Want("b"), moved).ok());
  CHECK_FALSE(Book().holder.has_value());
  MustBe<Granted>(lock.Acquire(id, Want("a"), Base7));
  LONGS_EQUAL(7, Book().holder->base);
  LONGS_EQUAL(7, Book().mark);
}

// The client has repeated its LOCK meanwhile, and was told that it has it.
TEST(PostgresAtOnce, ALockWhoseBaseFailsStaysItsHolders) {
  const auto fails = [&](const BaseAsk&) -> Result<uint64_t> {
    CHECK(MustBe<Granted>(old_lock.Acquire(id, Want("a"), HeadBase())).repeated);
    return Status::Unavailable("no");
  };
  locker_cases::IsUnavailable(lock.Acquire(id, Want("a"), fails));
  CHECK(Book().holder.has_value());
  STRCMP_EQUAL("a", Book().holder->id.c_str());
  MustBe<HeldBy>(old_lock.Acquire(id, Want("b"), HeadBase()));
}

// Its session has begun to write while the answer was on its way.
TEST(PostgresAtOnce, ARecordThatCameAfterTheLockIsNotMissed) {
  Append(0);
  const auto late = [&](const BaseAsk& ask) {
    Append(1);
    LONGS_EQUAL(2, storage.SeenHead(id));
    return HeadBase()(ask);
  };
  LockTerms terms(late);
  terms.seen = 1;
  MustBe<Granted>(lock.Acquire(id, Want("a"), terms));
  LONGS_EQUAL(1, Book().holder->base);
}

TEST(PostgresAtOnce, ARecordThatWasSeenBeforeTheLockIsMissed) {
  Append(0);
  LockTerms terms(HeadBase());
  terms.seen = 2;
  locker_cases::IsUnavailable(lock.Acquire(id, Want("a"), terms));
}

TEST(PostgresAtOnce, AnotherServiceOrEpochIsNotTakenForThisOne) {
  box.Exec("UPDATE stateward.lock_service SET counter = counter + 1");
  bool burn = false;
  MustBe<Granted>(lock.Acquire(id, Want("a"), [&](const BaseAsk& ask) -> Result<uint64_t> {
    burn = ask.burn;
    return uint64_t{0};
  }));
  CHECK(burn);
  box.Exec("UPDATE stateward.lock_service SET id = repeat('c', 32)");
  locker_cases::IsUnavailable(lock.Release(id, {"a", "alice"}));
  STRCMP_EQUAL("a", Book().holder->id.c_str());
}

// Also where the server knows the new epoch already.
TEST(PostgresAtOnce, TheRowOfAnEarlierEpochBurns) {
  box.Exec("UPDATE stateward.lock_service SET counter = counter + 1");
  std::string said;
  const auto base = [&](const BaseAsk& ask) -> Result<uint64_t> {
    said += ask.burn ? "b" : "-";
    return uint64_t{0};
  };
  MustBe<Granted>(lock.Acquire(StateId::Of({"", "p", "other"}), Want("a"), base));
  MustBe<Granted>(lock.Acquire(id, Want("b"), base));
  MustBe<Released>(lock.Release(id, {"b", "alice"}));
  MustBe<Granted>(lock.Acquire(id, Want("c"), base));
  STRCMP_EQUAL("bb-", said.c_str());
}

// Gates are exchanged while a LOCK is on its way: it waits, and meets the new ones. Whatever
// default_transaction_isolation says: a snapshot from before the wait would let the lock pass.
TEST(PostgresAtOnce, ALockWaitsForGatesThatAreBeingExchanged) {
  for (const char* level : {"read committed", "repeatable read", "serializable"}) {
    box.Exec("ALTER ROLE CURRENT_USER SET default_transaction_isolation = '" + std::string(level) +
             "'");
    box.Exec("UPDATE stateward.lock_service SET gate_tag = '', gates = ''");
    PostgresLock fresh(PostgresBox::Pool(2), SystemClock(), PostgresLockOptions{"\"locks\"", true});
    const std::string before = "before-" + std::string(level, 4);
    MustBe<Granted>(fresh.Acquire(id, Want(before), HeadBase()));
    MustBe<Released>(fresh.Release(id, {before, "alice"}));
    ExchangeGatesDuring([&] {
      // Of the set that was before.
      const Result<AcquireOutcome> outcome = AskAgain([&] {
        return fresh.Acquire(id, Want("a"), LockTerms(HeadBase(), {"", 0}));
      });
      changed = outcome.ok() && std::holds_alternative<GatesChanged>(*outcome);
    });
    CHECK_TEXT(changed, level);
    CHECK_FALSE(Book().holder.has_value());
    changed = false;
  }
}

// The functions have literals with backslashes.
TEST(PostgresAtOnce, TheRecordIsWholeWhereStringsAreReadAsOfOld) {
  box.Exec("ALTER ROLE CURRENT_USER SET standard_conforming_strings = off");
  PostgresLock fresh(PostgresBox::Pool(2), SystemClock(), PostgresLockOptions{"\"locks\"", true});
  for (int i = 0; i < 3; ++i) {
    const std::string name = "of-old-" + std::to_string(i);
    MustBe<Granted>(fresh.Acquire(id, Want(name), HeadBase()));
    STRCMP_EQUAL(name.c_str(), Book().holder->id.c_str());
    MustBe<Released>(fresh.Release(id, {name, "alice"}));
    CHECK_FALSE(Book().holder.has_value());
  }
}

}  // namespace stateward
