// What each verb costs on Postgres in the steady state (docs/performance.md, "Postgres").
#include <memory>
#include <string>

#include "auth/basic.h"
#include "doubles/basic_names.h"
#include "doubles/fake_clock.h"
#include "kms/open_kms.h"
#include "lock/postgres_lock.h"
#include "service/postgres_box.h"
#include "state/state_service.h"
#include "storage/postgres_storage.h"

namespace stateward {
namespace {

SecretBytes Text(const std::string& text) { return SecretBytes(text.begin(), text.end()); }

SecretBytes Doc(uint64_t serial) {
  return Text(R"({"version":4,"serial":)" + std::to_string(serial) + R"(,"lineage":"L"})");
}

SecretBytes Info(const std::string& id) {
  return Text(R"({"ID":")" + id + R"(","Operation":"OperationTypeApply"})");
}

class QuietObserver : public Observer {
 public:
  void OnRequest(RouteName, Method, int, int64_t) override {}
  void OnBackendCall(BackendKind, std::string_view, bool, int64_t) override {}
  void OnUploadKept() override {}
};

// A server of its own, on the one store. Its clock stands still: a slow disk makes no look due that
// comes only after some seconds (a write that took long, terraform-backend's table once more).
class Server {
 public:
  Server() {
    KmsSettings settings;
    settings.key = SecretString("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    kms_ = std::move(*OpenKms(settings));
    gate_ = std::make_unique<StoreGate>(storage_, lock_);
    CHECK(gate_->Init(false, *kms_).ok());
    service_ = std::make_unique<StateService>(storage_, lock_, *kms_, *gate_, clock_, observer_,
                                              log_, StateRules());
  }
  StateService& operator*() { return *service_; }
  uint64_t RoundTrips() const { return pool_->RoundTrips(); }

 private:
  FakeClock clock_;
  std::shared_ptr<PgPool> pool_ = PostgresBox::Pool();
  PostgresStorage storage_{pool_, clock_, PostgresStorageOptions{"\"states\"", true}};
  PostgresLock lock_{pool_, clock_, PostgresLockOptions{"\"locks\"", true}};
  QuietObserver observer_;
  const Log log_{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal};
  std::unique_ptr<Kms> kms_;
  std::unique_ptr<StoreGate> gate_;
  std::unique_ptr<StateService> service_;
};

}  // namespace

TEST_GROUP(PostgresRoundTrips) {
  PostgresBox box;
  BasicAuthenticator basic{NameForTests};
  Grant grant = *basic.Authorize({"basic", SecretString("s")}, {"", "p", "n"}, Verb::kRead);
  uint64_t serial = 0;

  struct Costs {
    uint64_t lock = 0, get = 0, post = 0, unlock = 0;
  };
  // LOCK and POST, GET and UNLOCK by the servers that are named, as a balancer might have it.
  Costs Cycle(Server & locks, Server & reads) {
    const std::string id = "id-" + std::to_string(++serial);
    Costs costs;
    uint64_t before = locks.RoundTrips();
    CHECK(!(*locks).Lock(grant, Info(id)).locked);
    costs.lock = locks.RoundTrips() - before;
    before = reads.RoundTrips();
    const StateAnswer got = (*reads).Get(grant);
    CHECK(serial == 1 || ByteView(got.document) == ByteView(Doc(serial - 1)));
    costs.get = reads.RoundTrips() - before;
    before = locks.RoundTrips();
    CHECK((*locks).Put(grant, id, Doc(serial)).status.ok());
    costs.post = locks.RoundTrips() - before;
    before = reads.RoundTrips();
    CHECK((*reads).Unlock(grant, Info(id), "").status.ok());
    costs.unlock = reads.RoundTrips() - before;
    return costs;
  }
  void CheckCosts(Server & locks, Server & reads, int cycles) {
    for (int i = 0; i < 4; ++i) (void)(i % 2 == 0 ? Cycle(locks, reads) : Cycle(reads, locks));
    for (int i = 0; i < cycles; ++i) {
      const Costs costs = i % 2 == 0 ? Cycle(locks, reads) : Cycle(reads, locks);
      LONGS_EQUAL(1, costs.lock);
      LONGS_EQUAL(1, costs.get);
      LONGS_EQUAL(2, costs.post);
      LONGS_EQUAL(1, costs.unlock);
    }
  }
};

TEST(PostgresRoundTrips, OfOneServer) {
  Server server;
  CheckCosts(server, server, 140);  // more than there are released IDs remembered
}

TEST(PostgresRoundTrips, OfServersThatTakeTurns) {
  Server one;
  Server two;
  CheckCosts(one, two, 6);
}

// Also where the lock itself knows nothing of the record.
TEST(PostgresRoundTrips, ALockInOneMissesARecordThatWasSeen) {
  Server server;
  for (int i = 0; i < 2; ++i) (void)Cycle(server, server);
  box.Exec(
      "INSERT INTO stateward.records SELECT id, n + 1, data FROM stateward.records"
      " ORDER BY n DESC LIMIT 1");
  (void)(*server).Get(grant);
  box.Exec("DELETE FROM stateward.records WHERE n = (SELECT max(n) FROM stateward.records)");
  const uint64_t before = server.RoundTrips();
  CHECK((*server).Lock(grant, Info("late")).status.code() == Code::kUnavailable);
  LONGS_EQUAL(1, server.RoundTrips() - before);
  // Nor is it granted when the client asks once more: it holds the lock by now.
  CHECK((*server).Lock(grant, Info("late")).status.code() == Code::kUnavailable);
}

TEST(PostgresRoundTrips, OfLocksAlone) {
  const std::shared_ptr<PgPool> pool = PostgresBox::Pool();
  PostgresLock lock(pool, SystemClock(), PostgresLockOptions{"\"locks\"", false});
  CHECK(lock.InitService(false).ok());
  const StateId id = StateId::Of(grant.key);
  for (int i = 0; i < 3; ++i) {
    LockRecord want;
    want.id = "id-" + std::to_string(i);
    want.principal = "alice";
    const uint64_t start = pool->RoundTrips();
    CHECK(lock.Acquire(id, want, [](const BaseAsk&) -> Result<uint64_t> { return uint64_t{7}; })
              .ok());
    const uint64_t taken = pool->RoundTrips();
    CHECK(lock.Release(id, {want.id, want.principal}).ok());
    if (i == 0) continue;  // the row was made, and the service was not known yet
    LONGS_EQUAL(2, taken - start);
    LONGS_EQUAL(1, pool->RoundTrips() - taken);
  }
}

TEST(PostgresRoundTrips, OfStatesAlone) {
  const std::shared_ptr<PgPool> pool = PostgresBox::Pool();
  PostgresStorage storage(pool, SystemClock(), PostgresStorageOptions{"\"states\"", false});
  const StoreIdentity identity{std::string(32, 'a'), 1, "local", std::string(32, 'b'),
                               Bytes(3, 's')};
  CHECK(storage.WriteIdentity(identity, nullptr).ok());
  const StateId id = StateId::Of(grant.key);
  CHECK(storage.Append(id, 0, std::string("one"))->appended);
  uint64_t before = pool->RoundTrips();
  CHECK(storage.Append(id, 1, std::string("two"))->appended);
  LONGS_EQUAL(1, pool->RoundTrips() - before);
  before = pool->RoundTrips();
  LONGS_EQUAL(2, storage.GetNewestFront(id, 1000)->n);
  LONGS_EQUAL(1, pool->RoundTrips() - before);
  before = pool->RoundTrips();
  LONGS_EQUAL(2, storage.GetNewest(id)->n);
  LONGS_EQUAL(1, pool->RoundTrips() - before);
}

}  // namespace stateward
