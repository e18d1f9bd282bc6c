#include "storage/fs_storage.h"

#include <CppUTest/TestHarness.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "doubles/fake_clock.h"

namespace stateward {
namespace {

std::string_view kOne = "one";
std::string_view kTwo = "two";

}  // namespace

TEST_GROUP(FsStorage) {
  char dir[40] = "/tmp/stateward-fs-XXXXXX";
  FakeClock clock;
  StateId id = StateId::Of({"", "p", "n"});
  StoreMarker marker{std::string(32, 'a'), 1, "local", std::string(32, 'b')};
  std::unique_ptr<FsStorage> storage;

  void setup() override {
    CHECK(mkdtemp(dir) != nullptr);
    storage = Make();
    CHECK(storage->WriteMarker(marker, false).ok());
  }
  void teardown() override {
    storage.reset();
    [[maybe_unused]] int r = system(("rm -rf " + std::string(dir)).c_str());
  }
  std::unique_ptr<FsStorage> Make() {
    return std::make_unique<FsStorage>(PosixDisk(), clock, FsOptions{dir, 1000});
  }
  std::string Path(const std::string& name) { return std::string(dir) + "/" + name; }
  void Down(FsStorage & s) {
    CHECK(s.Head(id).status().code() == Code::kUnavailable);
    CHECK(s.GetNewest(id).status().code() == Code::kUnavailable);
    CHECK(s.Get(id, 1).status().code() == Code::kUnavailable);
    CHECK(s.Append(id, 1, kTwo).status().code() == Code::kUnavailable);
    CHECK(s.GetLegacy(std::string(64, '0')).status().code() == Code::kUnavailable);
    CHECK(s.LegacyClaim(std::string(64, '0')).status().code() == Code::kUnavailable);
  }
};

TEST(FsStorage, AppendIsCreateExclusive) {
  LONGS_EQUAL(0, *storage->Head(id));
  LONGS_EQUAL(0, storage->GetNewest(id)->n);
  CHECK(storage->Append(id, 0, kOne)->appended);
  CHECK_FALSE(storage->Append(id, 0, kTwo)->appended);
  CHECK(Make()->Append(id, 1, kTwo)->appended);
  LONGS_EQUAL(2, *storage->Head(id));  // though another one wrote it
  CHECK(ByteView(storage->GetNewest(id)->bytes) == ByteView(kTwo));
  CHECK(ByteView(*storage->Get(id, 1)) == ByteView(kOne));
  CHECK(storage->Get(id, 3).status().code() == Code::kNotFound);
  CHECK(storage->Append(id, 5, kTwo).status().code() == Code::kUnavailable);  // no gaps
  LONGS_EQUAL(2, storage->Versions(id)->size());
  LONGS_EQUAL(1, *storage->Count());
  CHECK(storage->Settle(id, 2).ok());
  CHECK(storage->Settle(id, 3).code() == Code::kNotFound);
}

TEST(FsStorage, HintsSurviveAnything) {
  for (uint64_t n = 0; n < 100; ++n) CHECK(storage->Append(id, n, kOne)->appended);
  auto other = Make();
  LONGS_EQUAL(100, *other->Head(id));
  for (uint64_t n = 100; n < 200; ++n) CHECK(storage->Append(id, n, kOne)->appended);
  LONGS_EQUAL(200, *other->Head(id));
  for (uint64_t n = 1; n < 200; ++n) CHECK(storage->Prune(id, n).ok());
  LONGS_EQUAL(200, *other->Head(id));
  CHECK(storage->Prune(id, 200).code() == Code::kInvalidArgument);
  CHECK(other->Append(id, 200, kTwo)->appended);
}

TEST(FsStorage, NothingIsAbsentWithoutProof) {
  CHECK(storage->Append(id, 0, kOne)->appended);
  for (const char* name : {"stateward-store", "states"}) {
    CHECK(rename(Path(name).c_str(), Path("away").c_str()) == 0);
    if (std::string(name) == "states") {
      CHECK(storage->Head(id).status().code() == Code::kUnavailable);
      CHECK(storage->GetNewest(id).status().code() == Code::kUnavailable);
      CHECK(storage->Append(id, 1, kTwo).status().code() == Code::kUnavailable);
    } else {
      Down(*storage);
      Down(*Make());
    }
    CHECK(rename(Path("away").c_str(), Path(name).c_str()) == 0);
    LONGS_EQUAL(1, *storage->Head(id));  // heals
  }
  std::string away = std::string(dir) + ".away";
  CHECK(rename(dir, away.c_str()) == 0);
  Down(*storage);
  mkdir(dir, 0700);  // an empty disk in its place
  Down(*storage);
  rmdir(dir);
  CHECK(rename(away.c_str(), dir) == 0);
  LONGS_EQUAL(1, *storage->Head(id));
}

TEST(FsStorage, AnotherStoreInItsPlaceIsAnOutage) {
  CHECK(storage->Append(id, 0, kOne)->appended);
  StoreMarker other = marker;
  other.store_id = std::string(32, 'c');
  CHECK(Make()->WriteMarker(other, true).ok());
  Down(*storage);
}

TEST(FsStorage, DamagedMarkerIsAnOutage) {
  std::ofstream(Path("stateward-store"), std::ios::app) << "x";
  Down(*Make());
}

TEST(FsStorage, FolderThatOthersMayWriteIsRefused) {
  chmod(dir, 0777);
  Down(*Make());
  chmod(dir, 0700);
  LONGS_EQUAL(0, *Make()->Head(id));
}

TEST(FsStorage, MarkerIsMadeOnlyWhereNothingElseIs) {
  CHECK(storage->WriteMarker(marker, false).code() == Code::kConflict);
  unlink(Path("stateward-store").c_str());
  std::ofstream(Path("0123.tfstate")) << "the original's";
  CHECK(Make()->WriteMarker(marker, false).ok());
  unlink(Path("stateward-store").c_str());
  std::ofstream(Path("holiday.jpg")) << "x";
  CHECK(Make()->WriteMarker(marker, false).code() == Code::kConflict);
  unlink(Path("holiday.jpg").c_str());
  mkdir(Path("states/ab").c_str(), 0700);
  CHECK(Make()->WriteMarker(marker, false).code() == Code::kConflict);
}

TEST(FsStorage, QuarantineIsBoundedAndNothingYoungIsEvicted) {
  QuarantineEntry entry{std::string(32, '1'), std::string(32, '2'), id, clock.NowMs(), 600};
  std::string big(600, 'x');
  CHECK(storage->Quarantine(entry, big).ok());
  CHECK(storage->Quarantine(entry, big).ok());  // the same upload
  LONGS_EQUAL(1, storage->ListQuarantine()->size());
  QuarantineEntry second = entry;
  second.content_tag = std::string(32, '3');
  CHECK(storage->Quarantine(second, big).code() == Code::kUnavailable);
  clock.Advance(8LL * 24 * 60 * 60 * 1000);
  second.time_ms = clock.NowMs();
  CHECK(storage->Quarantine(second, big).ok());
  LONGS_EQUAL(1, storage->ListQuarantine()->size());
  CHECK(ByteView(*storage->GetQuarantined(second)) == ByteView(big));
}

TEST(FsStorage, LegacyClaimsAreCreateExclusive) {
  std::string legacy(64, 'e');
  CHECK_FALSE(storage->LegacyClaim(legacy)->has_value());
  StateId other = StateId::Of({"", "q", "m"});
  CHECK(*storage->ClaimLegacy(legacy, id) == id);
  CHECK(*storage->ClaimLegacy(legacy, other) == id);
  CHECK(**Make()->LegacyClaim(legacy) == id);
}

}  // namespace stateward
