// Which refused uploads are kept: each once, within the limits, and nothing young goes (case A11).
#include "history/upload_keeper.h"

#include <CppUTest/TestHarness.h>

#include <string>
#include <thread>
#include <vector>

#include "base/hex.h"
#include "base/sha256.h"
#include "doubles/fake_clock.h"
#include "doubles/mem_storage.h"

namespace stateward {
namespace {

constexpr int64_t kDay = 24LL * 60 * 60 * 1000;
constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kOne = kLeastUpload;  // what a small upload counts as

std::string Tag(const std::string& of) { return HexEncode(Sha256(of)).substr(0, 32); }

}  // namespace

TEST_GROUP(UploadKeeper) {
  MemStorage storage;
  FakeClock clock;
  UploadRules rules;

  void setup() override {
    CHECK(
        storage.WriteIdentity({Tag("store"), 1, "local", Tag("lock"), Bytes(10, 1)}, nullptr).ok());
  }
  KeptUpload Upload(const std::string& who, const std::string& what, uint64_t size) {
    return {Tag(who), Tag(what), StateId::Of({"", "p", "n"}), clock.NowMs(), size};
  }
  Status Keep(UploadKeeper & keeper, const std::string& who, const std::string& what,
              uint64_t size = 400) {
    return keeper.Keep(Upload(who, what, size), Bytes(size));
  }
  bool Refused(const Status& status, const char* setting) {
    return status.code() == Code::kUnavailable &&
           status.detail().find(setting) != std::string::npos;
  }
  uint64_t Counted() {
    uint64_t sum = 0;
    const std::vector<KeptUpload> all = *storage.ListUploads();
    for (const KeptUpload& each : all) sum += std::max(each.size, kOne);
    return sum;
  }
  bool Has(const std::string& what) {
    const std::vector<KeptUpload> all = *storage.ListUploads();
    for (const KeptUpload& each : all) {
      if (each.content_tag == Tag(what)) return true;
    }
    return false;
  }
};

TEST(UploadKeeper, TheSameUploadIsKeptOnceAndLasts) {
  UploadKeeper keeper(storage, clock, rules);
  CHECK(Keep(keeper, "a", "x").ok());
  LONGS_EQUAL(0, storage.upload_settles);
  clock.Advance(1000);
  CHECK(Keep(keeper, "a", "x").ok());
  LONGS_EQUAL(1, storage.ListUploads()->size());
  LONGS_EQUAL(1, storage.upload_settles);
  CHECK(Keep(keeper, "b", "x").ok());  // of another principal: his may be evicted at another time
  LONGS_EQUAL(2, storage.ListUploads()->size());
}

// Its client was told that it is kept, however long the first copy lay there.
TEST(UploadKeeper, OneThatIsRefusedAgainIsAsYoungAsTheLastTime) {
  rules.days = 90;
  rules.max_bytes = kOne;  // there is room for one of them
  UploadKeeper keeper(storage, clock, rules);
  CHECK(Keep(keeper, "a", "x").ok());
  clock.Advance(89 * kDay);
  CHECK(Keep(keeper, "a", "x").ok());
  LONGS_EQUAL(1, storage.ListUploads()->size());
  for (const bool kept : {true, false}) {
    clock.Advance((kept ? 2 : 89) * kDay);
    CHECK(PruneUploads(storage, clock, rules, PruneHow::kRemove).ok());
    CHECK_EQUAL(kept, Has("x"));
  }
}

TEST(UploadKeeper, APrincipalHasAShare) {
  rules.max_bytes = 3 * kOne;
  UploadKeeper keeper(storage, clock, rules);
  for (const char* what : {"1", "2", "3"}) CHECK(Keep(keeper, "a", what).ok());
  CHECK(Refused(Keep(keeper, "a", "4"), "KEPT_UPLOADS_MAX_BYTES"));
  CHECK(Keep(keeper, "a", "2").ok());  // kept already
  CHECK(Keep(keeper, "b", "4").ok());  // another's share
  CHECK(Refused(Keep(keeper, "b", "5", 3 * kOne), "KEPT_UPLOADS_MAX_BYTES"));
  LONGS_EQUAL(4, storage.ListUploads()->size());
}

TEST(UploadKeeper, AllHaveALimitTogether) {
  rules.total_bytes = 10 * kOne;
  UploadKeeper keeper(storage, clock, rules);
  for (int i = 0; i < 10; ++i) CHECK(Keep(keeper, "secret " + std::to_string(i), "x").ok());
  for (int i = 10; i < 20; ++i) {
    CHECK(Refused(Keep(keeper, "secret " + std::to_string(i), "x"), "KEPT_UPLOADS_TOTAL_BYTES"));
  }
  CHECK(Counted() == rules.total_bytes);
  CHECK(Keep(keeper, "secret 3", "x").ok());  // kept already
  // The administrator makes room.
  CHECK(storage.RemoveUpload(storage.ListUploads()->front()).ok());
  CHECK(Keep(keeper, "secret 10", "x").ok());
}

TEST(UploadKeeper, NothingYoungGoesAndTheOldestGoesFirst) {
  rules.max_bytes = 2 * kOne;
  rules.total_bytes = 3 * kOne;
  UploadKeeper keeper(storage, clock, rules);
  CHECK(Keep(keeper, "a", "a1").ok());
  clock.Advance(1000);
  CHECK(Keep(keeper, "b", "b1").ok());
  clock.Advance(kDay);
  CHECK(Keep(keeper, "a", "a2").ok());
  clock.Advance(6 * kDay - 2000);  // a1 is a second short of 7 days
  CHECK(Refused(Keep(keeper, "a", "a3"), "KEPT_UPLOADS_MAX_BYTES"));
  CHECK(Refused(Keep(keeper, "c", "c1"), "KEPT_UPLOADS_TOTAL_BYTES"));
  LONGS_EQUAL(3, storage.ListUploads()->size());
  clock.Advance(1000);
  CHECK(Keep(keeper, "c", "c1").ok());  // in place of another principal's, the oldest of all
  CHECK_FALSE(Has("a1"));
  CHECK(Keep(keeper, "a", "a2").ok());
  CHECK(Refused(Keep(keeper, "a", "a3"), "KEPT_UPLOADS_TOTAL_BYTES"));
  clock.Advance(1000);
  CHECK(Keep(keeper, "a", "a3").ok());
  CHECK_FALSE(Has("b1"));
  CHECK(Has("a2") && Has("a3") && Has("c1"));
}

TEST(UploadKeeper, OneCallRemovesABoundedNumber) {
  rules.total_bytes = 200 * kOne;
  UploadKeeper keeper(storage, clock, rules);
  for (int i = 0; i < 200; ++i) CHECK(Keep(keeper, std::to_string(i), "x").ok());
  clock.Advance(8 * kDay);
  int tries = 0;
  while (!Keep(keeper, "large", "x", 150 * kOne).ok() && tries < 10) ++tries;
  LONGS_EQUAL(2, tries);  // 64, 128, 150
  LONGS_EQUAL(51, storage.ListUploads()->size());
}

TEST(UploadKeeper, AllAreCountedSeldom) {
  rules.total_bytes = 2500 * kOne;
  UploadKeeper keeper(storage, clock, rules);
  for (int i = 0; i < 500; ++i) CHECK(Keep(keeper, std::to_string(i), "x").ok());
  // Each count gives a share of the room: 39, 38, 37, ...
  CHECK(storage.upload_listings <= 16);
  CHECK(storage.upload_listings >= 10);
}

TEST(UploadKeeper, ASlowCountIsFollowedByARest) {
  rules.total_bytes = 3 * kOne;
  UploadKeeper keeper(storage, clock, rules);
  storage.before_list_uploads = [this] { clock.Advance(2000); };
  CHECK(Keep(keeper, "a", "x").ok());
  CHECK(Refused(Keep(keeper, "b", "x"), "counted again in a moment"));
  clock.Advance(9 * 2000 - 1);
  CHECK(Refused(Keep(keeper, "b", "x"), "counted again in a moment"));
  LONGS_EQUAL(1, storage.upload_listings);
  clock.Advance(1);
  CHECK(Keep(keeper, "b", "x").ok());
  LONGS_EQUAL(2, storage.upload_listings);
}

TEST(UploadKeeper, ThreadsOfOneProcessNeverPassALimit) {
  rules.max_bytes = 7 * kOne;
  rules.total_bytes = 20 * kOne;
  UploadKeeper keeper(storage, clock, rules);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        (void)Keep(keeper, "who " + std::to_string(i % 4), std::to_string(t * 100 + i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(Counted() <= rules.total_bytes);
  CHECK(Counted() >= rules.total_bytes / 2);  // not refused without need either
  std::map<std::string, uint64_t> each;
  const std::vector<KeptUpload> all = *storage.ListUploads();
  for (const KeptUpload& upload : all) each[upload.principal_tag] += kOne;
  for (const auto& [tag, bytes] : each) CHECK(bytes <= rules.max_bytes);
}

TEST(UploadKeeper, OtherProcessesPassTheLimitOfAllByAShareAtMost) {
  constexpr int kProcesses = 4;
  rules.total_bytes = 640 * kOne;
  std::vector<std::unique_ptr<UploadKeeper>> keepers;
  for (int p = 0; p < kProcesses; ++p) {
    keepers.push_back(std::make_unique<UploadKeeper>(storage, clock, rules));
    CHECK(Keep(*keepers[p], "first " + std::to_string(p), "x").ok());  // each has a share now
  }
  // One fills the room; the others use what they counted long ago.
  for (int p = 0; p < kProcesses; ++p) {
    for (int i = 0; i < 700; ++i) {
      if (!Keep(*keepers[p], std::to_string(p) + " " + std::to_string(i), "x").ok()) break;
    }
  }
  CHECK(Counted() >= rules.total_bytes);
  CHECK(Counted() <= rules.total_bytes + (kProcesses - 1) * rules.total_bytes / 64);
}

TEST(UploadKeeper, WhatCannotBeListedIsNotKept) {
  UploadKeeper keeper(storage, clock, rules);
  storage.before_list_uploads = [this] { storage.down = true; };
  CHECK(Keep(keeper, "a", "x").code() == Code::kUnavailable);
  storage.before_list_uploads = nullptr;
  storage.down = false;
  CHECK(Keep(keeper, "a", "x").ok());
}

TEST(UploadKeeper, PruningKnowsAllLimits) {
  rules.days = 90;
  UploadKeeper keeper(storage, clock, rules);
  CHECK(Keep(keeper, "a", "oldest", kMiB).ok());
  clock.Advance(5 * kDay);
  CHECK(Keep(keeper, "a", "old", kMiB).ok());
  CHECK(Keep(keeper, "b", "b's", kMiB).ok());
  clock.Advance(6 * kDay);
  CHECK(Keep(keeper, "a", "young", 4 * kMiB).ok());
  const auto prune = [&](PruneHow how) {
    return PruneUploads(storage, clock, rules, how)->removed;
  };
  LONGS_EQUAL(0, prune(PruneHow::kRemove));
  rules.total_bytes = 6 * kMiB;  // the oldest of all
  LONGS_EQUAL(1, prune(PruneHow::kOnlyCount));
  LONGS_EQUAL(4, storage.ListUploads()->size());
  LONGS_EQUAL(1, prune(PruneHow::kRemove));
  CHECK_FALSE(Has("oldest"));
  rules.max_bytes = kMiB;  // what is left of it is younger than 7 days
  LONGS_EQUAL(0, prune(PruneHow::kRemove));
  clock.Advance(kDay);
  LONGS_EQUAL(1, prune(PruneHow::kRemove));
  CHECK(Has("b's") && Has("young"));
  rules.max_bytes = 100 * kMiB;
  clock.Advance(84 * kDay);
  LONGS_EQUAL(1, prune(PruneHow::kRemove));  // by age
  CHECK(Has("young"));
}

}  // namespace stateward
