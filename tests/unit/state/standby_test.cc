// READ_ONLY: a standby answers reads, and nothing else.
#include <CppUTest/TestHarness.h>

#include "base/json.h"
#include "lock/no_lock.h"
#include "storage/read_only_storage.h"
#include "unit/state/service_fixture.h"

namespace stateward {

class StandbyFixture : public ServiceFixture {
 public:
  std::unique_ptr<Storage> read_only;
  NoLock none{"redis"};
  std::unique_ptr<StoreGate> open_gate;
  std::unique_ptr<StateService> standby;

  void setup() override {
    ServiceFixture::setup();
    auto copied = std::make_unique<MemStorage>();
    StoreGate primary_gate(*copied, locker);
    CHECK(primary_gate.Init(false, *kms).ok());
    StateService primary(*copied, locker, *kms, primary_gate, clock, observer, log, rules);
    CHECK(primary.Put(grant, "", Doc(1)).status.ok());
    CHECK(primary.Lock(grant, Info("a")).status.ok());
    CHECK(primary.Put(grant, "a", Doc(2)).status.ok());
    rules.read_only = true;
    rules.read_only_since_ms = 1795788000000;
    locker.down = true;  // no lock service is asked
    read_only = ReadOnly(std::move(copied));
    open_gate = std::make_unique<StoreGate>(*read_only, none, true);
    standby = std::make_unique<StateService>(*read_only, none, *kms, *open_gate, clock, observer,
                                             log, rules);
  }

  void IsRefused(const StateAnswer& answer) {
    Is(Code::kConflict, answer.status.code());
    CHECK(answer.hint.find("read-only standby since 2026-11-27T14:00:00Z") != std::string::npos);
  }
};

TEST_GROUP_BASE(Standby, StandbyFixture){};

TEST(Standby, ReadsAnswerAndWhatIsNotFoundIsAnOutage) {
  StateAnswer answer = standby->Get(grant);
  CHECK(answer.status.ok());
  CHECK(answer.document == Doc(2));
  CHECK(standby->GetSerial(grant, 1).document == Doc(1));
  Is(Code::kUnavailable, standby->GetSerial(grant, 99).status.code());
  Is(Code::kUnavailable, standby->Get(As("secret", "p", "never")).status.code());
  Is(Code::kUnavailable, standby->Outputs(As("secret", "p", "never"), "x").status.code());
}

TEST(Standby, EverythingElseIsRefusedAndSaysWhy) {
  const StateAnswer locked = standby->Lock(grant, Info("b"));
  CHECK(locked.status.ok() && locked.locked);
  STRCMP_EQUAL("read-only standby since 2026-11-27T14:00:00Z",
               ParseSmallJson(locked.holder)->String("ID")->c_str());
  IsRefused(standby->Put(grant, "", Doc(3)));
  IsRefused(standby->Put(grant, "a", Doc(3)));
  IsRefused(standby->Delete(grant, ""));
  IsRefused(standby->Unlock(grant, Info("a"), ""));
  IsRefused(standby->Unlock(grant, {}, ""));
  LONGS_EQUAL(2, *read_only->Head(Id()));
  LONGS_EQUAL(0, read_only->ListUploads()->size());
}

TEST(Standby, ItsStorageWritesNothing) {
  Is(Code::kUnavailable, read_only->Append(Id(), 2, Bytes(8)).status().code());
  Is(Code::kUnavailable, read_only->Replace(Id(), 2, {}, Bytes(8)).code());
  Is(Code::kUnavailable, read_only->Prune(Id(), 1).code());
  Is(Code::kUnavailable, read_only->Settle(Id(), 2).code());
  Is(Code::kUnavailable, read_only->PutUpload({}, Bytes(8)).code());
  Is(Code::kUnavailable, read_only->RemoveUpload({}).code());
  Is(Code::kUnavailable, read_only->ClaimLegacy(std::string(64, 'a'), Id()).status().code());
  Is(Code::kUnavailable, read_only->ExchangeLease("jobs", {}, Bytes(8)).status().code());
  Is(Code::kUnavailable, read_only->Publish("x", Bytes(8)).code());
  Is(Code::kUnavailable, read_only->WriteIdentity({}, nullptr).code());
  Is(Code::kUnavailable,
     none.Acquire(Id(), {}, [](const BaseAsk&) { return Result<uint64_t>(uint64_t{0}); })
         .status()
         .code());
}

}  // namespace stateward
