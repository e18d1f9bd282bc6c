// No-op records: empty ones that take a number from a write that may still arrive. However many lie
// on top of a state, it reads as before, and they never hide who wrote.
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "kms/sealed_info.h"
#include "state/pruner.h"
#include "storage/fs_storage.h"
#include "unit/state/service_fixture.h"

namespace stateward {
namespace {

// Seals nothing, so that a hundred thousand records take a second.
class PlainKms : public Kms {
 public:
  std::string_view Name() const override { return "plain"; }
  Result<Bytes> Seal(const SealContext&, const SealedInfo& info, ByteView document) override {
    SecretBytes front = *EncodeSealedInfo(info);
    Bytes record = {static_cast<uint8_t>(front.size() >> 8), static_cast<uint8_t>(front.size())};
    record.insert(record.end(), front.begin(), front.end());
    record.insert(record.end(), document.begin(), document.end());
    return record;
  }
  Result<Opened> Open(const SealContext& where, ByteView record) override {
    Result<SealedInfo> info = OpenInfo(where, record);
    if (!info.ok()) return std::move(info).status();
    ByteView document = record.Sub(record.size() - info->version.size, info->version.size);
    return Opened{*info, SecretBytes(document.begin(), document.end())};
  }
  Result<SealedInfo> OpenInfo(const SealContext&, ByteView prefix) override {
    return DecodeSealedInfo(prefix.Sub(2, size_t{prefix[0]} << 8 | prefix[1]));
  }
  Result<SecretBytes> OpenLegacy(ByteView) override { return Status::Corruption("none"); }
  Status Check() override { return Status(); }
};

}  // namespace

TEST_GROUP_BASE(NoOpRecord, ServiceFixture){
    // As a service that may have forgotten locks before each LOCK.
    void TakeNumbers(Storage * to, int count){std::string store_id = to->ReadIdentity()->store_id;
VersionInfo info;
info.time_ms = clock.NowMs();
for (int i = 0; i < count; ++i) {
  CHECK(TakeNextNumber(History(*to, *kms, store_id), grant.key, Id(), info).ok());
}
}  // namespace stateward
void ReadsCost(int records, const SecretBytes& doc) {
  storage.gets = 0;
  Holds(doc);
  LONGS_EQUAL(records, storage.gets);
}
Result<uint64_t> Prune(const HistoryRules& keep) {
  return PruneState(storage, locker, *kms, clock, keep, storage.ReadIdentity()->store_id, Id());
}
}
;

TEST(NoOpRecord, AHundredThousandCostAReadNothing) {
  kms = std::make_unique<PlainKms>();
  Restart();
  Is(Code::kOk, Put(Doc(7)));
  ReadsCost(1, Doc(7));
  TakeNumbers(&storage, 100000);
  LONGS_EQUAL(100001, HeadOf());
  ReadsCost(2, Doc(7));
  // Nor do they make room for another state.
  Is(Code::kConflict, Put(Doc(1, "another")));
  Is(Code::kConflict, Put(Doc(6)));
  storage.gets = 0;
  Is(Code::kOk, Put(Doc(8)));
  LONGS_EQUAL(3, storage.gets);  // head, front and all of the version below
  ReadsCost(1, Doc(8));
}

TEST(NoOpRecord, OnAStateThatNeverWas) {
  TakeNumbers(&storage, 1100);
  STRCMP_EQUAL("not_found", Get().c_str());
  Is(Code::kOk, Put(Doc(1)));
  LONGS_EQUAL(1101, HeadOf());
}

TEST(NoOpRecord, OnATombstone) {
  Is(Code::kOk, Put(Doc(5)));
  Is(Code::kOk, Delete());
  TakeNumbers(&storage, 1100);
  STRCMP_EQUAL("not_found", Get().c_str());
  Is(Code::kConflict, Put(Doc(5)));
  Is(Code::kOk, Put(Doc(6)));
}

TEST(NoOpRecord, OnARealDisk) {
  // In memory where that can be had: a thousand records are a thousand flushes.
  char in_memory[] = "/dev/shm/stateward-fs-XXXXXX";
  char in_tmp[] = "/tmp/stateward-fs-XXXXXX";
  const char* dir = mkdtemp(in_memory);
  if (dir == nullptr) dir = mkdtemp(in_tmp);
  CHECK(dir != nullptr);
  {
    FsStorage disk(PosixDisk(), dir);
    StoreGate its_gate(disk, locker);
    CHECK(its_gate.Init(false, *kms).ok());
    service =
        std::make_unique<StateService>(disk, locker, *kms, its_gate, clock, observer, log, rules);
    Is(Code::kOk, Put(Doc(7)));
    TakeNumbers(&disk, 1100);
    Holds(Doc(7));
    Is(Code::kConflict, Put(Doc(1, "another")));
    service.reset();
  }
  LONGS_EQUAL(0, system(("rm -rf " + std::string(dir)).c_str()));
}

TEST(NoOpRecord, OnADamagedVersionItStaysDamaged) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Put(Doc(2)));
  storage.DamageFront(Id(), 2);
  TakeNumbers(&storage, 3);
  STRCMP_EQUAL("corruption", Get().c_str());
  Is(Code::kCorruption, Put(Doc(3)));
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Put(Doc(3), "a"));
  Holds(Doc(3));
}

// One that cannot be read is no proof that there is nothing below it.
TEST(NoOpRecord, ADamagedOneIsNoAnswer) {
  Is(Code::kOk, Put(Doc(1)));
  TakeNumbers(&storage, 1);
  storage.DamageFront(Id(), 2);
  STRCMP_EQUAL("corruption", Get().c_str());
  TakeNumbers(&storage, 2);
  STRCMP_EQUAL("corruption", Get().c_str());
  Is(Code::kCorruption, Put(Doc(1, "another")));
  storage.DamageFront(Id(), 2);  // the bit turns back: a disk that was exchanged
  Holds(Doc(1));
  clock.Advance(100LL * 24 * 60 * 60 * 1000);
  LONGS_EQUAL(0, *Prune({1, 1}));  // 2 is on the way from 4 to 1
  Holds(Doc(1));
}

TEST(NoOpRecord, PruningKeepsWhatIsPointedAt) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Put(Doc(2)));
  TakeNumbers(&storage, 4);
  clock.Advance(100LL * 24 * 60 * 60 * 1000);
  LONGS_EQUAL(4, *Prune({1, 1}));
  LONGS_EQUAL(2, storage.Versions(Id())->size());
  ReadsCost(2, Doc(2));
  TakeNumbers(&storage, 2);
  clock.Advance(100LL * 24 * 60 * 60 * 1000);
  LONGS_EQUAL(2, *Prune({1, 1}));
  ReadsCost(2, Doc(2));
  Is(Code::kConflict, Put(Doc(1, "another")));
}

// A write that was on its way when its lock was forced finds its number taken for an hour: it is
// the lock, or the storage, that lets it come late.
TEST(NoOpRecord, ANumberThatWasTakenIsNotPrunedWhileAWriteMayBeLate) {
  for (bool late : {false, true}) {
    storage.late = late;
    locker.still = late;
    grant = As("secret", "p", late ? "late" : "moves");
    Is(Code::kOk, Put(Doc(1)));
    TakeNumbers(&storage, 1);
    Is(Code::kOk, Put(Doc(2)));
    clock.Advance(kGapMs - 1);
    LONGS_EQUAL(0, *Prune({1, 0}));
    clock.Advance(1);
    LONGS_EQUAL(2, *Prune({1, 0}));
  }
  storage.late = false;
  grant = As("secret", "p", "still");
  Is(Code::kOk, Put(Doc(1)));
  TakeNumbers(&storage, 1);
  Is(Code::kOk, Put(Doc(2)));
  LONGS_EQUAL(2, *Prune({1, 0}));
}

TEST(NoOpRecord, WhatIsPointedAtIsNeverTakenForAbsent) {
  Is(Code::kOk, Put(Doc(1)));
  TakeNumbers(&storage, 1);
  storage.Undo(Id(), 1);  // behind the server's back
  STRCMP_EQUAL("unavailable", Get().c_str());
  Is(Code::kUnavailable, Put(Doc(1, "another")));
}

// A LOCK that was forced out while it was on its way may still take its number.
TEST(NoOpRecord, OneOfAnotherSessionDoesNotRefuseTheHolder) {
  for (bool still : {true, false}) {
    locker.still = still;
    Is(Code::kOk, Lock(still ? "a" : "b"));
    TakeNumbers(&storage, 1);
    Is(Code::kOk, Put(Doc(still ? 1 : 3), still ? "a" : "b"));
    TakeNumbers(&storage, 1);
    Is(Code::kOk, Put(Doc(still ? 2 : 4), still ? "a" : "b"));
    Is(Code::kOk, Unlock(still ? "a" : "b"));
  }
  Holds(Doc(4));
  LONGS_EQUAL(0, Kept());
}

// The next session's own no-op record says that this session's time is over.
TEST(NoOpRecord, OneOfTheNextSessionEndsThisOne) {
  locker.still = false;
  storage.late = true;
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Put(Doc(1), "a"));
  locker.between = [this] {
    Is(Code::kOk, Unlock(""));
    Is(Code::kOk, Lock("b"));
    LONGS_EQUAL(2, HeadOf());
    TakeNumbers(&storage, 1);  // and one of a LOCK that comes late, whoever's
  };
  Is(Code::kConflict, Put(Doc(2, "L", "a's"), "a"));
  LONGS_EQUAL(1, Kept());
  Is(Code::kOk, Put(Doc(2, "L", "b's"), "b"));
  Holds(Doc(2, "L", "b's"));
}

}  // namespace stateward
