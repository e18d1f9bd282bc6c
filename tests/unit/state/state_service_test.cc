// The verbs over doubles: every rule of docs/architecture.md, "The guarded write" and "Locks".
#include "state/state_service.h"

#include <CppUTest/TestHarness.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "auth/roles.h"
#include "base/base64.h"
#include "base/json.h"
#include "doubles/original_blobs.h"
#include "state/lock_info.h"
#include "unit/state/service_fixture.h"

namespace stateward {
namespace {

Bytes ReadFile(const std::string& path) {
  Bytes bytes;
  if (FILE* f = fopen(path.c_str(), "rb")) {
    int c = 0;
    while ((c = fgetc(f)) != EOF) bytes.push_back(static_cast<uint8_t>(c));
    fclose(f);
  }
  return bytes;
}

}  // namespace

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
  storage.upload_limit = 10;
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

TEST(StateService, AnotherSessionsVersionAboveTheBase) {
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

TEST(StateService, WriteBetweenLookAndAppendLoses) {
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

TEST(StateService, ForcedReleaseTakesTheNumberOfALateWrite) {
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

TEST(StateService, UnresolvedWriteIsProvidedForByTheNextLock) {
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
TEST(StateService, SlowWorkerThatResolvesDisturbsNobody) {
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

TEST(StateService, LockServiceThatForgotEverything) {
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

TEST(StateService, LockServiceGivenAnewForgets) {
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

TEST(StateService, TwoWorkersThatCompleteOneLockTakeOneNumber) {
  Is(Code::kOk, Put(Doc(1)));
  std::string store_id = storage.ReadIdentity()->store_id;
  VersionInfo info;
  info.lock_id = "a";
  LONGS_EQUAL(2, *TakeNextNumber(History(storage, *kms, store_id), grant.key, Id(), info));
  LONGS_EQUAL(2, *TakeNextNumber(History(storage, *kms, store_id), grant.key, Id(), info));
  info.lock_id = "b";
  LONGS_EQUAL(3, *TakeNextNumber(History(storage, *kms, store_id), grant.key, Id(), info));
}

TEST(StateService, UnknownOutcomeIsReadBack) {
  Is(Code::kOk, Lock("a"));
  storage.next_append = MemStorage::NextAppend::kDoneButFails;
  Is(Code::kOk, Put(Doc(1), "a"));
  LONGS_EQUAL(1, HeadOf());
  storage.next_append = MemStorage::NextAppend::kFails;
  Is(Code::kUnavailable, Put(Doc(2), "a"));
  Is(Code::kOk, Put(Doc(2), "a"));
  Holds(Doc(2));
}

TEST(StateService, SessionGoesOnBehindItsOwnNoOpRecord) {
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
  const HistoryRules keep = {3, 1};  // the service's own pruner keeps more, and does nothing
  for (uint64_t i = 1; i <= 6; ++i) Is(Code::kOk, Put(Doc(i)));
  std::string store_id = storage.ReadIdentity()->store_id;
  int64_t first_ms = clock.NowMs();
  Result<Pruned> young = PruneState(storage, *kms, clock, keep, store_id, Id());
  LONGS_EQUAL(0, young->removed);
  CHECK(young->nothing_before_ms == first_ms + 24LL * 60 * 60 * 1000);
  clock.Advance(young->nothing_before_ms - first_ms);
  LONGS_EQUAL(3, PruneState(storage, *kms, clock, keep, store_id, Id())->removed);
  LONGS_EQUAL(3, storage.Versions(Id())->size());
  Holds(Doc(6));
}

TEST(StateService, AWriteIsFollowedByPruning) {
  rules.history = {3, 1};
  Restart();
  for (uint64_t i = 1; i <= 3; ++i) Is(Code::kOk, Put(Doc(i)));
  clock.Advance(2LL * 24 * 60 * 60 * 1000);
  for (uint64_t i = 4; i <= 6; ++i) Is(Code::kOk, Put(Doc(i)));
  // A thread of its own does it; a busy machine lets it wait.
  for (int tries = 0; tries < 10000 && storage.Versions(Id())->size() > 3; ++tries) usleep(1000);
  LONGS_EQUAL(3, storage.Versions(Id())->size());
  Holds(Doc(6));
}

// ---- What the original wrote (tests/data/seed, with the key and secrets of its manifest). ----

TEST(StateService, TheOriginalsStateIsReadWhereItLies) {
  grant = As("s3cret-one", "network", "prod");
  storage.legacy[grant.legacy_ids[0]] =
      ReadFile("tests/data/seed/fs/" + grant.legacy_ids[0] + ".tfstate");
  std::string before = Get();
  LONGS_EQUAL(2097, before.size());
  LONGS_EQUAL(0, HeadOf());
  Is(Code::kOk, Put(Text(before)));  // the same bytes: the first write makes it ours
  LONGS_EQUAL(1, HeadOf());
  storage.legacy.clear();
  STRCMP_EQUAL(before.c_str(), Get().c_str());
}

TEST(StateService, TheOriginalsSerialCounts) {
  grant = As("s3cret-one", "network", "prod");
  storage.legacy[grant.legacy_ids[0]] =
      ReadFile("tests/data/seed/fs/" + grant.legacy_ids[0] + ".tfstate");
  Is(Code::kConflict, Put(Doc(1)));  // another lineage
  LONGS_EQUAL(0, HeadOf());
  Is(Code::kOk, Delete());
  STRCMP_EQUAL("not_found", Get().c_str());  // a tombstone: the original's bytes are not served
}

TEST(StateService, TheFirstWriteClaimsAnAmbiguousName) {
  Grant ab_c = As("s3cret-two", "a-b", "c");
  Grant a_bc = As("s3cret-two", "a", "b-c");
  STRCMP_EQUAL(ab_c.legacy_ids[0].c_str(), a_bc.legacy_ids[0].c_str());
  storage.legacy[ab_c.legacy_ids[0]] =
      ReadFile("tests/data/seed/fs/" + ab_c.legacy_ids[0] + ".tfstate");
  grant = ab_c;
  std::string before = Get();
  grant = a_bc;
  STRCMP_EQUAL(before.c_str(), Get().c_str());
  Is(Code::kOk, Put(Text(before)));
  grant = ab_c;
  STRCMP_EQUAL("conflict", Get().c_str());
  Is(Code::kConflict, Put(Text(before)));
  grant = a_bc;
  STRCMP_EQUAL(before.c_str(), Get().c_str());
}

TEST(StateService, IdentifiedUsersAreNotGivenAnAmbiguousName) {
  grant = As("x", "a-b", "c");
  storage.legacy[LegacyId(grant.key)] = ReadFile(
      "tests/data/seed/fs/"
      "0d2cf0a51cfa39a34c78c9873dc448eb38d3931ad5b349ba21863b0715d85a2d.tfstate");
  grant.legacy_ids = {LegacyId(grant.key)};
  grant.key.tenant.clear();
  STRCMP_EQUAL("conflict", Get().c_str());
}

TEST(StateService, LegacyReadSwitchedOff) {
  grant = As("s3cret-one", "network", "prod");
  storage.legacy[grant.legacy_ids[0]] =
      ReadFile("tests/data/seed/fs/" + grant.legacy_ids[0] + ".tfstate");
  rules.write.legacy_read = false;
  Restart();
  STRCMP_EQUAL("not_found", Get().c_str());
}

TEST(StateService, DamagedLegacyStateIsNotAbsent) {
  grant = As("s3cret-one", "network", "prod");
  Bytes blob = ReadFile("tests/data/seed/fs/" + grant.legacy_ids[0] + ".tfstate");
  blob[100] ^= 1;
  storage.legacy[grant.legacy_ids[0]] = blob;
  STRCMP_EQUAL("corruption", Get().c_str());
  Is(Code::kCorruption, Put(Doc(9)));
}

// A blob that opens and holds no state: never served, and never taken for absence.
TEST(StateService, WhatIsNoStateInALegacyBlobIsNeverServed) {
  std::shared_ptr<const Suite> suite = *Suite::Load();
  const SecretBytes key = *Base64Decode("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
  storage.legacy[grant.legacy_ids[0]] =
      SealAsOriginal(*suite, key, std::string_view("0123456789abcdef0123456789abcdef"));
  STRCMP_EQUAL("corruption", Get().c_str());
  Is(Code::kCorruption, Put(Doc(9)));
  Is(Code::kCorruption, Delete());
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Put(Doc(9), "a"));  // the holder goes on
  Holds(Doc(9));
}

}  // namespace stateward
