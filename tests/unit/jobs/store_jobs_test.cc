#include "jobs/store_jobs.h"

#include <CppUTest/TestHarness.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <string>

#include "base/hex.h"
#include "base/sha256.h"
#include "conformance/kms_cases.h"
#include "jobs/walk.h"
#include "jobs/watch_jobs.h"
#include "state/pruner.h"
#include "unit/jobs/job_fixture.h"

namespace stateward {
namespace {

constexpr int64_t kDay = int64_t{24} * 60 * 60 * 1000;

}  // namespace

TEST_GROUP_BASE(StoreJobs, JobFixture) {
  std::vector<std::unique_ptr<Job>> jobs = StoreJobs();

  void setup() override { MakeStore(); }
  static StateId Id(int i) { return StateId::Of({"", "p", "s" + std::to_string(i)}); }
  void Append(const StateId& id, uint64_t n, RecordKind kind = RecordKind::kState) {
    const std::string text = kind == RecordKind::kState ? "{\"n\":" + std::to_string(n) + "}" : "";
    SealedInfo info = kms_cases::InfoOf(text);
    info.version.kind = kind;
    info.version.time_ms = clock.NowMs();
    CHECK((*storage.Append(id, n - 1, *kms->Seal({kStore, id, n}, info, text))).appended);
  }
  JobStep Round(std::string_view name, HistoryRules history = {}, UploadRules uploads = {}) {
    const JobParts parts{storage, locker, *kms, gate, history, uploads, clock, log, untouched};
    for (const auto& job : jobs) {
      if (job->Name() != name) continue;
      JobStep step;
      for (int i = 0; i < 100 && step.status.ok() && !step.round_done; ++i) step = job->Step(parts);
      found = job->Found();
      return step;
    }
    FAIL("no such job");
    return {};
  }
  static void RemoveShared(const std::string& dir) {
    for (const char* name : {"/untouched", "/untouched.lock"}) unlink((dir + name).c_str());
    CHECK(rmdir(dir.c_str()) == 0);
  }
  std::map<std::string, uint64_t> found;
  Untouched* untouched = nullptr;
};

// One process of a host lists the place, the others read its count.
TEST(StoreJobs, UntouchedBlobsAreCountedOnceForAHost) {
  char dir[40] = "/tmp/stateward-jobs-XXXXXX";
  CHECK(mkdtemp(dir) != nullptr);
  storage.legacy[std::string(64, 'b')] = {1, 2, 3};
  Untouched one(storage, gate, PosixDisk(), clock, dir);
  Untouched other(storage, gate, PosixDisk(), clock, dir);
  for (Untouched* each : {&one, &other}) {
    untouched = each;
    JobStep step = Round("untouched");
    CHECK(step.round_done);
    LONGS_EQUAL(60 * 1000, step.again_ms);
    LONGS_EQUAL(1, *each->Holding());
  }
  LONGS_EQUAL(1, storage.listings);
  storage.unlistable = true;
  clock.Advance(Untouched::kEveryMs);
  CHECK_FALSE(Round("untouched").status.ok());
  LONGS_EQUAL(1, *other.Holding());
  RemoveShared(dir);
}

// An absent name becomes 404 by it: another store, or a copy of this one, may use the folder.
TEST(StoreJobs, ThatNoBlobIsLeftIsNotBelievedOfAnother) {
  char dir[40] = "/tmp/stateward-jobs-XXXXXX";
  CHECK(mkdtemp(dir) != nullptr);
  storage.legacy[std::string(64, 'b')] = {1, 2, 3};
  Untouched live(storage, gate, PosixDisk(), clock, dir);
  LONGS_EQUAL(1, *live.Recount());
  MemStorage copy;
  CHECK(copy.WriteIdentity(**gate.Store(), nullptr).ok());
  StoreIdentity another = **gate.Store();
  another.store_id = std::string(32, 'a');
  MemStorage other;
  CHECK(other.WriteIdentity(another, nullptr).ok());
  for (MemStorage* place : {&copy, &other}) {
    StoreGate its_gate(*place, locker);
    clock.Advance(1000);
    LONGS_EQUAL(0, *Untouched(*place, its_gate, PosixDisk(), clock, dir).Recount());
    LONGS_EQUAL(1, *live.Holding());
    // Nor of a server that has just begun.
    Untouched young(storage, gate, PosixDisk(), clock, dir);
    CHECK(young.CountIfDue().ok());
    LONGS_EQUAL(1, *young.Holding());
  }
  // Nor that there are some, of another store.
  storage.legacy.clear();
  LONGS_EQUAL(0, *live.Recount());
  other.legacy[std::string(64, 'b')] = {1, 2, 3};
  StoreGate its_gate(other, locker);
  clock.Advance(1000);
  LONGS_EQUAL(1, *Untouched(other, its_gate, PosixDisk(), clock, dir).Recount());
  LONGS_EQUAL(0, *live.Holding());
  RemoveShared(dir);
}

// B11: whoever wrote last, and whether the state is deleted.
TEST(StoreJobs, TheHistorysLimitsHoldForAllStates) {
  for (int s = 0; s < 60; ++s) {
    for (uint64_t n = 1; n <= 5; ++n) Append(Id(s), n);
    if (s % 2 == 0) Append(Id(s), 6, RecordKind::kTombstone);
  }
  clock.Advance(1000);
  CHECK(Round("prune", {3, 1}).round_done);
  LONGS_EQUAL(5, storage.Versions(Id(1))->size());  // young
  JobStep step = Round("prune", {3, 0});
  CHECK(step.round_done);
  LONGS_EQUAL(60 * 60 * 1000, step.again_ms);
  for (int s = 0; s < 60; ++s) {
    LONGS_EQUAL(3, storage.Versions(Id(s))->size());
    LONGS_EQUAL(s % 2 == 0 ? 6 : 5, storage.Versions(Id(s))->front());
  }
}

TEST(StoreJobs, OneBadStateDoesNotKeepTheOthersFromBeingPruned) {
  constexpr int kStates = 60;  // more than a step takes
  for (int s = 0; s < kStates; ++s) {
    for (uint64_t n = 1; n <= 5; ++n) Append(Id(s), n);
  }
  clock.Advance(1000);
  Bytes damaged = *storage.Get(Id(1), 5);
  damaged[damaged.size() / 2] ^= 1;
  CHECK(storage.Replace(Id(1), 5, Sha256(*storage.Get(Id(1), 5)), damaged).ok());
  CHECK_FALSE(Round("prune", {2, 0}).status.ok());
  CHECK(Round("prune", {2, 0}).round_done);
  for (int s = 0; s < kStates; ++s) {
    if (s != 1) LONGS_EQUAL(2, storage.Versions(Id(s))->size());
  }
}

TEST(StoreJobs, RefusedUploadsEndByAgeAndBytes) {
  constexpr uint64_t kMiB = uint64_t{1} << 20;
  const std::string tag(32, 'a'), other(32, 'b');
  const auto keep = [&](const std::string& who, const std::string& what, uint64_t size) {
    KeptUpload entry{who, HexEncode(Sha256(what)).substr(0, 32), Id(0), clock.NowMs(), size};
    CHECK(storage.PutUpload(entry, Bytes(size)).ok());
  };
  keep(tag, "oldest", kMiB);
  clock.Advance(5 * kDay);
  keep(tag, "old", kMiB);
  keep(other, "its own", kMiB);
  clock.Advance(6 * kDay);
  keep(tag, "young", 4 * kMiB);
  // Too many bytes of one principal: the oldest go, but none of less than 7 days.
  CHECK(PruneUploads(storage, clock, {90, 9 * kMiB / 2}, PruneHow::kOnlyCount)->removed == 1);
  LONGS_EQUAL(4, storage.ListUploads()->size());
  CHECK(Round("prune", {}, {90, 9 * kMiB / 2}).round_done);
  LONGS_EQUAL(3, storage.ListUploads()->size());
  // Too old.
  clock.Advance(85 * kDay);
  CHECK(Round("prune", {}, {90, 100 * kMiB}).round_done);
  LONGS_EQUAL(1, storage.ListUploads()->size());
}

// A list of 100,000 states takes seconds, and a process that ends waits for the step under way.
TEST(StoreJobs, AListBreaksOffWhenTheProcessEnds) {
  for (int i = 0; i < 10; ++i) Append(Id(i), 1);
  std::atomic<bool> ending{false};
  jobs.front()->EndWith(&ending);
  const auto listed = [&] {
    Walk walk;
    walk.Begin();
    CHECK(walk.GoOn(storage, *jobs.front()).ok());
    int states = 0;
    for (; walk.Next() != nullptr; walk.Advance()) ++states;
    CHECK_EQUAL(!ending, walk.Done());
    return states;
  };
  LONGS_EQUAL(10, listed());
  ending = true;
  LONGS_EQUAL(1, listed());
}

// Each once, whatever the size of the last page; a failure does not move it.
TEST(StoreJobs, AWalkKeepsOnePage) {
  for (size_t states = 0; states <= 2 * Walk::kPage; states += Walk::kPage / 2) {
    MemStorage store;
    CHECK(store.WriteIdentity(**gate.Store(), nullptr).ok());
    std::set<std::string> want;
    std::set<std::string> met;
    for (size_t i = 0; i < states; ++i) {
      const StateId id = Id(static_cast<int>(i));
      CHECK(store.Append(id, 0, std::string("x"))->appended);
      want.insert(id.hex());
    }
    Walk walk;
    walk.Begin();
    size_t most = 0;
    while (!walk.Done()) {
      store.down = true;
      CHECK(walk.Next() != nullptr || !walk.GoOn(store, *jobs.front()).ok());
      store.down = false;
      CHECK(walk.GoOn(store, *jobs.front()).ok());
      size_t page = 0;
      for (; walk.Next() != nullptr; walk.Advance(), ++page) met.insert(walk.Next()->hex());
      most = std::max(most, page);
    }
    CHECK(met == want);
    CHECK(most <= Walk::kPage);
  }
}

TEST(StoreJobs, ADamagedNewestRecordIsCounted) {
  for (int s = 0; s < 4; ++s) Append(Id(s), 1);
  CHECK(Round("examine").round_done);
  LONGS_EQUAL(0, found[kDamagedStates]);
  Bytes damaged = *storage.Get(Id(2), 1);
  damaged[damaged.size() - 1] ^= 1;
  CHECK(storage.Replace(Id(2), 1, Sha256(*storage.Get(Id(2), 1)), damaged).ok());
  JobStep step = Round("examine");
  CHECK(step.round_done);
  CHECK(step.again_ms > kDay / 2);
  LONGS_EQUAL(1, found[kDamagedStates]);
  LONGS_EQUAL(0, found[kUnreadableStates]);
  storage.down = true;  // an outage is no damage
  CHECK_FALSE(Round("examine").status.ok());
  LONGS_EQUAL(0, found[kUnreadableStates]);
}

// It may be whole: another host has the key.
TEST(StoreJobs, ARecordOfAnUnknownKeyIsNotCalledDamaged) {
  for (int s = 0; s < 2; ++s) Append(Id(s), 1);
  KmsSettings settings;
  settings.key = NewKeyText();
  kms = *OpenKms(settings);
  CHECK(Round("examine").round_done);
  LONGS_EQUAL(0, found[kDamagedStates]);
  LONGS_EQUAL(2, found[kUnreadableStates]);
}

TEST(StoreJobs, StatesAndLocksAreCounted) {
  for (int s = 0; s < 4; ++s) Append(Id(s), 1);
  CHECK(Round("counts").round_done);
  LONGS_EQUAL(4, found[kStoredObjects]);
  LONGS_EQUAL(0, found[kLocksHeld]);
}

// A pipeline of plans may name what it likes: with the role plan it can only hold a plan's lock.
TEST(StoreJobs, LocksAreCountedByWhatIsHeld) {
  jobs = WatchJobs();
  const BaseFn base = [](const BaseAsk&) { return Result<uint64_t>(0); };
  int n = 0;
  const auto lock = [&](const char* operation, bool plan_only, bool shared) {
    LockRecord want;
    want.id = "id" + std::to_string(n);
    want.operation = operation;
    want.plan_only = plan_only;
    want.shared = shared;
    CHECK(std::holds_alternative<Granted>(*locker.Acquire(Id(n++), want, base)));
  };
  lock("OperationTypeApply", false, false);
  lock("OperationTypeApply", true, false);
  lock("OperationTypeApply", true, true);
  lock("OperationTypePlan", false, false);
  lock("state-push", false, false);
  CHECK(Round("locks").round_done);
  LONGS_EQUAL(3, found["stateward_locks{kind=\"plan\"}"]);
  LONGS_EQUAL(1, found["stateward_locks{kind=\"apply\"}"]);
  LONGS_EQUAL(1, found["stateward_locks{kind=\"other\"}"]);
}

// A step looks at some of them. Of more, the oldest may be the last that is looked at.
TEST(StoreJobs, AllLocksAreLookedAtHoweverManyThereAre) {
  jobs = WatchJobs();
  std::set<std::string> ids;
  for (int i = 0; i < 2500; ++i) ids.insert(Id(i).hex());
  const auto lock = [&](const std::string& hex, bool shared) {
    StateId id;
    CHECK(StateId::Parse(hex, &id));
    LockRecord want;
    want.id = hex;
    want.operation = shared ? kPlanOperation : "OperationTypeApply";
    want.shared = shared;
    const BaseFn base = [](const BaseAsk&) { return Result<uint64_t>(0); };
    CHECK(std::holds_alternative<Granted>(*locker.Acquire(id, want, base)));
  };
  const std::string oldest = *ids.rbegin();
  lock(oldest, false);
  clock.Advance(3600 * 1000);
  for (const std::string& hex : ids) {
    if (hex != oldest) lock(hex, true);
  }
  for (int round = 0; round < 2; ++round) {
    CHECK(Round("locks").round_done);
    LONGS_EQUAL(1, found["stateward_locks{kind=\"apply\"}"]);
    LONGS_EQUAL(2499, found["stateward_locks{kind=\"plan\"}"]);
    LONGS_EQUAL(3600, found["stateward_oldest_lock_age_seconds"]);
  }
}

TEST(StoreJobs, ARoundOverTheLocksThatFailsBeginsAtTheFirst) {
  jobs = WatchJobs();
  const BaseFn base = [](const BaseAsk&) { return Result<uint64_t>(0); };
  for (int i = 0; i < 1500; ++i) {
    LockRecord want;
    want.id = std::to_string(i);
    CHECK(std::holds_alternative<Granted>(*locker.Acquire(Id(i), want, base)));
  }
  const JobParts parts{storage, locker, *kms, gate, {}, {}, clock, log, nullptr};
  Job& job = **std::find_if(jobs.begin(), jobs.end(),
                            [](const auto& one) { return one->Name() == "locks"; });
  CHECK(job.Step(parts).status.ok());
  locker.down = true;
  CHECK_FALSE(job.Step(parts).status.ok());
  locker.down = false;
  CHECK(Round("locks").round_done);
  LONGS_EQUAL(1500, found["stateward_locks{kind=\"other\"}"]);
}

}  // namespace stateward
