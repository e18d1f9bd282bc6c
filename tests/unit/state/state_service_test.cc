// The verbs over doubles: every rule of docs/architecture.md, "The guarded write" and "Locks".
#include "state/state_service.h"

#include <CppUTest/TestHarness.h>
#include <unistd.h>

#include <string>

#include "auth/roles.h"
#include "base/json.h"
#include "state/lock_info.h"
#include "state/pruner.h"
#include "unit/state/service_fixture.h"

namespace stateward {

TEST_GROUP_BASE(StateService, ServiceFixture){};

TEST(StateService, CycleOfARun) {
  STRCMP_EQUAL("not_found", Get().c_str());
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Put(Doc(1), "a"));
  Is(Code::kOk, Put(Doc(4), "a"));
  Is(Code::kOk, Unlock("a"));
  Holds(Doc(4));
  LONGS_EQUAL(2, HeadOf());
  LONGS_EQUAL(0, observer.kept);
}

TEST(StateService, BytesComeBackExactly) {
  SecretBytes odd =
      Text("{ \"lineage\" : \"L\",\n\t\"x\":1e400, \"serial\":18446744073709551615 }\n");
  Is(Code::kOk, Put(odd));
  Holds(odd);
}

TEST(StateService, LockRules) {
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Lock("a"));        // a repeat
  Is(Code::kConflict, Lock("b"));  // held
  Is(Code::kConflict, Unlock("b"));
  Is(Code::kOk, Unlock("a"));
  Is(Code::kOk, Unlock("a"));   // a repeat
  Is(Code::kOk, Unlock("zz"));  // free
  Is(Code::kGone, Lock("a"));   // a late duplicate makes no zombie
  Is(Code::kOk, Lock("b"));
  Is(Code::kOk, Unlock("a"));  // a late duplicate frees nothing
  Is(Code::kConflict, Lock("c"));
  clock.Advance(kReleasedIdsKeptMs + 1);
  Is(Code::kOk, Unlock("b"));
  Is(Code::kOk, Lock("a"));  // forgotten by now
}

TEST(StateService, SameLockIdByAnotherPrincipalIsHeld) {
  Is(Code::kOk, Lock("a"));
  Grant other = grant;
  other.principal = "somebody else";
  other.rights = kRoleWrite;
  CHECK(service->Lock(other, Info("a")).locked);
  Is(Code::kPermissionDenied, service->Unlock(other, Info("a"), "").status.code());
  Is(Code::kPermissionDenied, service->Put(other, "a", Doc(1)).status.code());
  Is(Code::kOk, Put(Doc(1), "a"));
}

TEST(StateService, HolderIsShown) {
  Is(Code::kOk, Lock("a"));
  StateAnswer answer = service->Lock(grant, Info("b"));
  CHECK(answer.locked);
  Result<JsonObject> json = ParseSmallJson(answer.holder);
  STRCMP_EQUAL("a", json->String("ID")->c_str());
  STRCMP_EQUAL("p/n", json->String("Path")->c_str());
}

TEST(StateService, BadLockInfo) {
  for (const char* bad : {"", "{}", "{\"ID\":\"\"}", "[]", "{\"ID\":5}", "{\"ID\":\"a b\"}"}) {
    Is(Code::kInvalidArgument, service->Lock(grant, Text(bad)).status.code());
  }
  for (const char* bad : {"{}", "null", "{\"ID\":\"\"}"}) {
    Is(Code::kInvalidArgument, service->Unlock(grant, Text(bad), "").status.code());
  }
  Is(Code::kInvalidArgument, service->Unlock(grant, Info("a"), "b").status.code());
}

TEST(StateService, UnlockByQuery) {
  Is(Code::kOk, Lock("a"));
  Is(Code::kConflict, service->Unlock(grant, {}, "b").status.code());
  Is(Code::kOk, service->Unlock(grant, {}, "a").status.code());
  Is(Code::kOk, Lock("c"));
}

TEST(StateService, ForcedUnlock) {
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Unlock(""));
  Is(Code::kOk, Lock("b"));
  // It may be the repeat of the first: the answer says who holds the lock, and from when on.
  StateAnswer repeat = service->Unlock(grant, {}, "");
  Is(Code::kConflict, repeat.status.code());
  const std::string from =
      "freed without its ID from " + FormatTime(clock.NowMs() + kForceRepeatMs);
  CHECK(repeat.hint.find(from) != std::string::npos);
  CHECK(repeat.hint.find("the lock ID b") != std::string::npos);
  Is(Code::kConflict, Lock("c"));
  clock.Advance(kForceRepeatMs);
  Is(Code::kOk, Unlock(""));
  Is(Code::kOk, Lock("c"));
  Is(Code::kConflict, Put(Doc(1), "b"));  // the old holder comes too late
  LONGS_EQUAL(1, Kept());
}

// A newest record that was deleted behind the server's back: somebody remembers that it was there.
TEST(StateService, ALockWhoseStateLostItsNewestRecordIsAnOutage) {
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Put(Doc(1), "a"));
  Is(Code::kOk, Put(Doc(2), "a"));
  Is(Code::kOk, Unlock("a"));
  Is(Code::kOk, Lock("b"));
  Is(Code::kOk, Unlock("b"));
  storage.Undo(Id(), 2);
  Is(Code::kUnavailable, Lock("c"));
  Is(Code::kUnavailable, Put(Doc(2)));
  Is(Code::kUnavailable, Delete());
  LONGS_EQUAL(1, HeadOf());
  Is(Code::kOk, Unlock("c"));
  locker.ForgetEverything();  // and nobody remembers
  Is(Code::kOk, Lock("c"));
}

TEST(StateService, ForcedUnlockSwitchedOff) {
  rules.force_unlock_enabled = false;
  Restart();
  Is(Code::kOk, Lock("a"));
  Is(Code::kPermissionDenied, Unlock(""));
  Is(Code::kConflict, Lock("b"));
}

TEST(StateService, WriteNeedsTheHoldersId) {
  Is(Code::kConflict, Put(Doc(1), "a"));  // not locked, yet an ID
  Is(Code::kOk, Lock("a"));
  Is(Code::kConflict, Put(Doc(1)));
  Is(Code::kConflict, Put(Doc(1), "b"));
  Is(Code::kOk, Put(Doc(1), "a"));
  Is(Code::kOk, Unlock("a"));
  Is(Code::kConflict, Put(Doc(2), "a"));  // released
  Is(Code::kOk, Put(Doc(2)));             // -lock=false
  LONGS_EQUAL(2, Kept());                 // Doc(1) once, Doc(2) once: the same upload is one
}

TEST(StateService, WriteWithoutLockSwitchedOff) {
  rules.write.write_without_lock = false;
  Restart();
  Is(Code::kConflict, Put(Doc(1)));
  LONGS_EQUAL(1, Kept());
}

TEST(StateService, SerialAndLineage) {
  Is(Code::kOk, Put(Doc(5)));
  Is(Code::kOk, Put(Doc(5)));  // the same bytes: nothing new
  LONGS_EQUAL(1, HeadOf());
  CHECK(storage.settles > 0);  // and that they last was seen to
  Is(Code::kConflict, Put(Doc(5, "L", "other")));
  Is(Code::kConflict, Put(Doc(4)));
  Is(Code::kConflict, Put(Doc(6, "M")));
  LONGS_EQUAL(3, Kept());
  Holds(Doc(5));
  Is(Code::kOk, Lock("a", "state-push"));
  Is(Code::kOk, Put(Doc(1, "M"), "a"));
  Holds(Doc(1, "M"));
}

TEST(StateService, GuardOff) {
  rules.write.strict = false;
  Restart();
  Is(Code::kOk, Put(Doc(5)));
  Is(Code::kOk, Put(Doc(1, "M")));
  Holds(Doc(1, "M"));
}

TEST(StateService, RefusedUploadsAreKeptAndReadable) {
  Is(Code::kOk, Put(Doc(5)));
  Is(Code::kConflict, Put(Doc(4, "L", "precious")));
  LONGS_EQUAL(1, observer.kept);
  KeptUpload entry = storage.ListUploads()->front();
  Result<Opened> opened =
      kms->Open({storage.ReadIdentity()->store_id, Id(), 0}, *storage.GetUpload(entry));
  CHECK(opened.ok());
  CHECK(ByteView(opened->document) == ByteView(Doc(4, "L", "precious")));
}

TEST(StateService, WhatCannotBeKeptIsAnOutage) {
  Is(Code::kOk, Put(Doc(5)));
  rules.uploads.max_bytes = 10;
  Restart();
  Is(Code::kUnavailable, Put(Doc(4)));
}

TEST(StateService, DeleteKeepsLineageAndSerial) {
  Is(Code::kOk, Delete());  // nothing there
  LONGS_EQUAL(0, HeadOf());
  Is(Code::kOk, Put(Doc(5)));
  Is(Code::kOk, Lock("a"));
  Is(Code::kConflict, Delete());
  Is(Code::kConflict, Delete("b"));
  Is(Code::kOk, Delete("a"));
  Is(Code::kOk, Delete("a"));  // a repeat
  LONGS_EQUAL(2, HeadOf());
  STRCMP_EQUAL("not_found", Get().c_str());
  Is(Code::kOk, Unlock("a"));
  Is(Code::kConflict, Put(Doc(5)));  // a late duplicate does not bring it back
  Is(Code::kConflict, Put(Doc(4)));
  STRCMP_EQUAL("not_found", Get().c_str());
  Is(Code::kOk, Put(Doc(6)));
  Is(Code::kOk, Delete());
  Is(Code::kOk, Put(Doc(1, "new")));
  Holds(Doc(1, "new"));
}

TEST(StateService, OutagesAreNeverAbsence) {
  Is(Code::kOk, Put(Doc(1)));
  storage.down = true;
  STRCMP_EQUAL("unavailable", Get().c_str());
  Is(Code::kUnavailable, Put(Doc(2)));
  Is(Code::kUnavailable, Lock("a"));
  Is(Code::kUnavailable, Delete());
  storage.down = false;
  locker.down = true;
  Holds(Doc(1));  // reading needs no lock service
  Is(Code::kUnavailable, Put(Doc(2)));
  Is(Code::kUnavailable, Lock("a"));
  Is(Code::kUnavailable, Unlock("a"));
}

TEST(StateService, DamagedNewestVersion) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Put(Doc(2)));
  storage.Damage(Id(), 2);
  STRCMP_EQUAL("corruption", Get().c_str());  // never the one before it
  storage.DamageFront(Id(), 2);
  STRCMP_EQUAL("corruption", Get().c_str());
  Is(Code::kCorruption, Put(Doc(3)));
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Put(Doc(3), "a"));
  Is(Code::kOk, Unlock("a"));
  Holds(Doc(3));
}

TEST(StateService, AnotherLockServiceIsAnOutageUntilItIsMeant) {
  Is(Code::kOk, Put(Doc(1)));
  locker.service_id = std::string(32, 'c');
  StoreGate fresh(storage, locker);
  CHECK(fresh.Store().status().code() == Code::kUnavailable);
  CHECK(fresh.Init(false, *kms).ok());  // does not change what is there
  CHECK_FALSE(fresh.Store().ok());
  CHECK(fresh.Init(true, *kms).ok());
  CHECK(fresh.Store().ok());
}

TEST(StateService, NoMarkerIsAnOutage) {
  MemStorage empty;
  StoreGate fresh(empty, locker);
  CHECK(fresh.Store().status().code() == Code::kUnavailable);
}

TEST(StateService, UnknownTenants) {
  Is(Code::kOk, Put(Doc(1)));
  rules.new_tenants = false;
  Restart();
  Holds(Doc(1));
  Grant mistyped = As("secert", "p", "n");
  Is(Code::kUnauthenticated, service->Get(mistyped).status.code());
  Is(Code::kUnauthenticated, service->Put(mistyped, "", Doc(1)).status.code());
  Is(Code::kUnauthenticated, service->Lock(mistyped, Info("a")).status.code());
  Grant other_state = As("secret", "q", "m");
  Is(Code::kNotFound, service->Get(other_state).status.code());
}

TEST(StateService, HistoryIsPruned) {
  const HistoryRules keep = {3, 1};
  for (uint64_t i = 1; i <= 6; ++i) Is(Code::kOk, Put(Doc(i)));
  std::string store_id = storage.ReadIdentity()->store_id;
  const int64_t day_ms = 24LL * 60 * 60 * 1000;
  clock.Advance(day_ms - 1);
  LONGS_EQUAL(0, *PruneState(storage, locker, *kms, clock, keep, store_id, Id()));
  clock.Advance(1);
  LONGS_EQUAL(3, *PruneState(storage, locker, *kms, clock, keep, store_id, Id()));
  LONGS_EQUAL(3, storage.Versions(Id())->size());
  Holds(Doc(6));
}

// What does not open stays, and is told; what follows it goes all the same.
TEST(StateService, ADamagedVersionKeepsNoOtherFromBeingPruned) {
  for (uint64_t i = 1; i <= 8; ++i) Is(Code::kOk, Put(Doc(i)));
  storage.DamageFront(Id(), 1);
  storage.DamageFront(Id(), 3);
  clock.Advance(24LL * 60 * 60 * 1000);
  const std::string store_id = storage.ReadIdentity()->store_id;
  for (PruneHow how : {PruneHow::kOnlyCount, PruneHow::kRemove}) {
    Status unreadable;
    Result<uint64_t> pruned =
        PruneState(storage, locker, *kms, clock, {2, 1}, store_id, Id(), how, &unreadable);
    CHECK(pruned.ok());
    LONGS_EQUAL(4, *pruned);
    STRCMP_CONTAINS("version 1: ", unreadable.detail().c_str());
  }
  CHECK(*storage.Versions(Id()) == std::vector<uint64_t>({8, 7, 3, 1}));
  Holds(Doc(8));
}

// No-op records are no versions: HISTORY_KEEP keeps so many states that can be had back.
TEST(StateService, NoOpRecordsAreNotCountedAsVersions) {
  const int64_t day_ms = 24LL * 60 * 60 * 1000;
  VersionInfo info;
  info.time_ms = clock.NowMs();
  const History history(storage, *kms, storage.ReadIdentity()->store_id);
  for (uint64_t i = 1; i <= 5; ++i) {
    Is(Code::kOk, Put(Doc(i)));
    CHECK(TakeNextNumber(history, grant.key, Id(), info).ok());
  }
  const auto prune = [&](const HistoryRules& keep) {
    return *PruneState(storage, locker, *kms, clock, keep, storage.ReadIdentity()->store_id, Id());
  };
  const auto serials = [&] {
    std::string all;
    CHECK(history
              .Each(Id(),
                    [&](const VersionEntry& entry) {
                      if (entry.info.version.kind == RecordKind::kState) {
                        all += std::to_string(entry.info.version.serial);
                      }
                      return true;
                    })
              .ok());
    return all;
  };
  LONGS_EQUAL(0, prune({3, 1}));  // young
  clock.Advance(2 * day_ms);
  LONGS_EQUAL(0, prune({10, 1}));
  LONGS_EQUAL(6, prune({3, 1}));  // 1 and 2, and the no-op records but the newest
  STRCMP_EQUAL("543", serials().c_str());
  storage.gets = 0;
  LONGS_EQUAL(0, prune({4, 1}));
  LONGS_EQUAL(0, storage.gets);  // few records: nothing has to be read
  Holds(Doc(5));
}

}  // namespace stateward
