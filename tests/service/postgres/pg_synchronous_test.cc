// A commit that waits for a synchronous standby, and somebody who cancels the wait: the server says
// COMMIT all the same.
#include <chrono>
#include <future>
#include <string>
#include <thread>

#include "conformance/locker_cases.h"
#include "lock/postgres_lock.h"
#include "service/postgres_box.h"
#include "storage/postgres_storage.h"

namespace stateward {

using locker_cases::Must;
using locker_cases::MustBe;
using locker_cases::Want;

namespace {

Result<uint64_t> NoRecords(const BaseAsk& /*ask*/) { return uint64_t{0}; }

}  // namespace

TEST_GROUP(PgSynchronous) {
  PostgresBox box;
  std::shared_ptr<PgPool> root = PostgresBox::Pool(1, ServiceEnv("POSTGRES_ROOT"));
  std::shared_ptr<PgPool> pool = PostgresBox::Pool(4);
  PostgresLock lock{pool, SystemClock(), PostgresLockOptions{"\"locks\"", true}};
  PostgresStorage storage{pool, SystemClock(), PostgresStorageOptions{"\"states\"", true}};
  StateId id = StateId::Of({"", "p", "n"});
  const PgStatement change{"SELECT pg_logical_emit_message(true, 'stateward', '')", {}};

  void setup() override {
    StoreIdentity marker{std::string(32, 'a'), 1, "postgres", std::string(32, 'b'), Bytes(3, 's')};
    CHECK(storage.WriteIdentity(marker, nullptr).ok());
    CHECK(lock.InitService(false).ok());
    MustBe<Granted>(lock.Acquire(id, Want("first"), NoRecords));
    MustBe<Released>(lock.Release(id, {"first", "alice"}));
    LoseStandby();
  }
  void teardown() override {
    FindStandby();
    while (!pool->QueryOne(change, PgUse::kChangesOnce).ok()) {
    }
  }

  void AsRoot(const std::string& sql) {
    CHECK(root->QueryOne({sql, {}}, PgUse::kRepeatable).ok());
    CHECK(root->QueryOne({"SELECT pg_reload_conf()", {}}, PgUse::kRepeatable).ok());
  }
  // From then on every commit waits.
  void LoseStandby() {
    AsRoot("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    while (Cancelled([&] { (void)pool->QueryOne(change, PgUse::kChangesOnce); }) == 0) {
    }
  }
  // What waits is let go.
  void FindStandby() { AsRoot("ALTER SYSTEM RESET synchronous_standby_names"); }
  // Cancels the waits that are there; so many.
  uint64_t Cancel() {
    return box.Number(
        "SELECT count(*) FILTER (WHERE pg_cancel_backend(pid)) FROM pg_stat_activity"
        " WHERE wait_event = 'SyncRep'");
  }
  template <typename Fn>
  uint64_t Cancelled(Fn && step) {
    uint64_t count = 0;
    std::future<void> done = std::async(std::launch::async, step);
    while (done.wait_for(std::chrono::seconds(0)) != std::future_status::ready) count += Cancel();
    return count;
  }
};

TEST(PgSynchronous, AChangeWhoseWaitWasCancelledIsUnknown) {
  bool ok = true;
  CHECK(Cancelled([&] { ok = pool->QueryOne(change, PgUse::kChangesOnce).ok(); }) > 0);
  CHECK_FALSE(ok);
}

TEST(PgSynchronous, ATransactionWhoseWaitWasCancelledIsUnknown) {
  std::vector<PgRows> rows;
  std::unique_ptr<PgTransaction> transaction = Must(pool->Begin({}, &rows));
  bool told = false;
  transaction->when_committed = [&] { told = true; };
  Status committed;
  CHECK(Cancelled([&] { committed = transaction->Commit({change}); }) > 0);
  CHECK_FALSE(committed.ok());
  CHECK(transaction->outcome_unknown());
  CHECK_FALSE(told);
}

// In one round trip, and in the steps of the server.
TEST(PgSynchronous, LocksAreNotGrantedOnACancelledWait) {
  for (const bool functions : {true, false}) {
    const std::string name = functions ? "at once" : "in steps";
    pool->LearnFunctions(functions);  // false: for longer than a test takes
    Result<AcquireOutcome> acquired{Granted{}};
    CHECK(Cancelled([&] { acquired = lock.Acquire(id, Want(name), NoRecords); }) > 0);
    locker_cases::IsUnavailable(acquired);
    Result<ReleaseOutcome> released{NotHeld{}};
    CHECK(Cancelled([&] { released = lock.Release(id, {name, "alice"}); }) > 0);
    locker_cases::IsUnavailable(released);
  }
}

TEST(PgSynchronous, RecordsAreNotAppendedOnACancelledWait) {
  bool ok = true;
  CHECK(Cancelled([&] { ok = storage.Append(id, 0, std::string("record")).ok(); }) > 0);
  CHECK_FALSE(ok);
  CHECK(Cancelled([&] { ok = storage.Settle(id, 1).ok(); }) > 0);
  CHECK_FALSE(ok);
  FindStandby();
  CHECK(storage.Settle(id, 1).ok());
}

// The step that follows finds what the first one stored, and waits for the standby in its place.
TEST(PgSynchronous, ALockIsGrantedWhenTheStandbyIsBack) {
  std::future<Result<AcquireOutcome>> granted =
      std::async(std::launch::async, [&] { return lock.Acquire(id, Want("a"), NoRecords); });
  while (Cancel() == 0) std::this_thread::yield();
  // The first one was waiting behind the call of a function.
  const std::string again =
      "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query = 'COMMIT'";
  while (box.Number(again) == 0) std::this_thread::yield();
  FindStandby();
  CHECK(MustBe<Granted>(granted.get()).repeated);
  CHECK(MustBe<Granted>(lock.Acquire(id, Want("a"), NoRecords)).repeated);
}

}  // namespace stateward
