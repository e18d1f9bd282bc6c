#include "storage/fs_storage.h"

#include <CppUTest/TestHarness.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <set>
#include <string>

#include "conformance/storage_cases.h"
#include "doubles/fake_clock.h"
#include "doubles/vanishing_disk.h"
#include "history/upload_keeper.h"
#include "storage/fs_layout.h"

namespace stateward {
namespace {

std::string_view kOne = "one";
std::string_view kTwo = "two";

class FsFixture : public StorageFixture {
 public:
  FsFixture() {
    if (mkdtemp(dir_) == nullptr) FAIL("mkdtemp");
  }
  ~FsFixture() override {
    [[maybe_unused]] int r = system(("rm -rf " + std::string(dir_)).c_str());
  }
  std::shared_ptr<Storage> Open() override {
    return std::make_shared<FsStorage>(PosixDisk(), dir_);
  }
  void RemoveMarker() override { CHECK(unlink(Path("stateward-store").c_str()) == 0); }
  void PutLegacy(const std::string& legacy_id, const std::string& blob) override {
    std::ofstream(Path(legacy_id + ".tfstate"), std::ios::binary) << blob;
  }
  bool PutStranger() override {
    std::ofstream(Path("holiday.jpg")) << "x";
    return true;
  }

 private:
  std::string Path(const std::string& name) const { return std::string(dir_) + "/" + name; }

  char dir_[40] = "/tmp/stateward-fs-XXXXXX";
};

}  // namespace

TEST_GROUP(FsConforms) { FsFixture fixture; };

STORAGE_CONFORMS(FsConforms)

// The thread sanitizer runs the groups with Tsan in their names.
TEST_GROUP(FsTsan) { FsFixture fixture; };

STORAGE_TEST_(FsTsan, IdentityIsMadeByOneOfMany)
STORAGE_TEST_(FsTsan, OneOfManyAppends)
STORAGE_TEST_(FsTsan, NumbersHaveNoGaps)
STORAGE_TEST_(FsTsan, StatesDoNotMix)

TEST_GROUP(FsStorage) {
  char dir[40] = "/tmp/stateward-fs-XXXXXX";
  FakeClock clock;
  StateId id = StateId::Of({"", "p", "n"});
  StoreIdentity marker{std::string(32, 'a'), 1, "local", std::string(32, 'b'), Bytes(9, 's')};
  std::unique_ptr<FsStorage> storage;

  void setup() override {
    CHECK(mkdtemp(dir) != nullptr);
    storage = Make();
    CHECK(storage->WriteIdentity(marker, nullptr).ok());
  }
  void teardown() override {
    storage.reset();
    [[maybe_unused]] int r = system(("rm -rf " + std::string(dir)).c_str());
  }
  std::unique_ptr<FsStorage> Make() { return std::make_unique<FsStorage>(PosixDisk(), dir); }
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

// A number that no record can have is another file's name. One that wrapped would be written where
// nobody reads it.
TEST(FsStorage, ANumberThatIsNoRecordsIsPassedOver) {
  CHECK(storage->Append(id, 0, kOne)->appended);
  const std::string folder = Path("states/" + id.hex().substr(0, 2) + "/" + id.hex()) + "/";
  for (const char* name : {"18446744073709551615", "18446744073709551614", "09223372036854775808",
                           "99999999999999999999", "00000000000000000000"}) {
    std::ofstream(folder + name) << "x";
  }
  for (uint64_t head = 1; head <= 3; ++head) {
    std::unique_ptr<FsStorage> again = Make();
    LONGS_EQUAL(head, *again->Head(id));
    CHECK(again->Append(id, head, kTwo)->appended);
    CHECK(*again->Versions(id) == *storage->Versions(id));
    LONGS_EQUAL(head + 1, Make()->GetNewest(id)->n);
  }
  LONGS_EQUAL(1, *storage->Count());
}

// Who has seen a record does not take the one before it for the newest.
TEST(FsStorage, ARecordThatIsGoneIsAnOutageWhereItWasSeen) {
  CHECK(storage->Append(id, 0, kOne)->appended);
  CHECK(storage->Append(id, 1, kTwo)->appended);
  LONGS_EQUAL(2, storage->SeenHead(id));
  std::unique_ptr<FsStorage> reader = Make();
  LONGS_EQUAL(2, *reader->Head(id));
  const std::string folder = Path("states/" + id.hex().substr(0, 2) + "/" + id.hex());
  const std::string second = folder + "/00000000000000000002";
  const std::string away = Path("away");
  CHECK(rename(second.c_str(), away.c_str()) == 0);
  for (FsStorage* each : {storage.get(), reader.get()}) {
    for (int i = 0; i < 2; ++i) {
      CHECK(each->Head(id).status().code() == Code::kUnavailable);
      CHECK(each->GetNewest(id).status().code() == Code::kUnavailable);
      CHECK(each->Append(id, 1, kTwo).status().code() == Code::kUnavailable);
      CHECK(each->Append(id, 2, kTwo).status().code() == Code::kUnavailable);
    }
  }
  CHECK(rename(away.c_str(), second.c_str()) == 0);
  LONGS_EQUAL(2, *reader->Head(id));
  CHECK(rename(folder.c_str(), away.c_str()) == 0);
  CHECK(reader->GetNewest(id).status().code() == Code::kUnavailable);
  LONGS_EQUAL(0, *Make()->Head(id));  // nobody remembers
}

// Another process took the next number since this one has looked.
TEST(FsStorage, ANumberThatIsTakenIsNotTakenAgain) {
  CHECK(storage->Append(id, 0, kOne)->appended);
  std::unique_ptr<FsStorage> other = Make();
  LONGS_EQUAL(1, *other->Head(id));
  CHECK(storage->Append(id, 1, kTwo)->appended);
  const Result<AppendOutcome> late = other->Append(id, 1, kOne);
  CHECK_FALSE(late->appended);
  LONGS_EQUAL(2, late->n);
  CHECK(ByteView(*storage->Get(id, 2)) == ByteView(kTwo));
  LONGS_EQUAL(2, *other->Head(id));
}

// Another process wrote 3 to 5, and later 3 and 4 were pruned, which stood above a pinned record.
TEST(FsStorage, ARecordBelowAGapIsNotTakenForTheNewest) {
  FsStorage reader(PosixDisk(), dir, /*trusted_us=*/0);
  for (uint64_t n = 0; n < 2; ++n) CHECK(reader.Append(id, n, kOne)->appended);
  for (uint64_t n = 2; n < 5; ++n) CHECK(storage->Append(id, n, kTwo)->appended);
  for (uint64_t n : {3, 4}) CHECK(storage->Prune(id, n).ok());
  LONGS_EQUAL(5, reader.GetNewest(id)->n);
  LONGS_EQUAL(5, *reader.Head(id));
  CHECK_FALSE(reader.Append(id, 2, kOne)->appended);
  LONGS_EQUAL(5, reader.Append(id, 2, kOne)->n);
}

// The folders of a first record are made in two steps, and those who list meet it.
TEST(FsStorage, AnEmptyFolderThatGoesHoldsNothing) {
  const StateId other = StateId::Of({"", "p", "other"});
  const std::string group = "states/" + other.hex().substr(0, 2);
  const std::string tag(32, 'a');
  VanishingDisk disk;
  FsStorage reader(disk, dir);
  CHECK(storage->Append(id, 0, kOne)->appended);
  for (VanishingDisk::When when :
       {VanishingDisk::When::kBeforeItIsOpened, VanishingDisk::When::kBeforeItIsListed}) {
    disk.when = when;
    for (const std::string& folder : {group, group + "/" + other.hex(), "uploads/" + tag}) {
      disk.folder = folder.substr(folder.rfind('/') + 1);
      const auto make = [&] {
        mkdir(Path(group).c_str(), 0700);
        mkdir(Path(folder).c_str(), 0700);
      };
      make();
      LONGS_EQUAL(1, *reader.Count());
      make();
      CHECK(reader.Versions(other)->empty());
      make();
      LONGS_EQUAL(0, *reader.Head(other));
      make();
      CHECK(reader.ListUploads()->empty());
    }
  }
}

TEST(FsStorage, WhatCannotBeListedIsAnOutage) {
  const std::string group = "states/" + id.hex().substr(0, 2);
  const KeptUpload upload{std::string(32, 'a'), std::string(32, 'b'), id, 1, kOne.size()};
  CHECK(storage->Append(id, 0, kOne).ok());
  CHECK(storage->PutUpload(upload, kOne).ok());
  CHECK(mkdir(Path("states/lost+found").c_str(), 0) == 0);  // of a file system, not of a store
  const auto list = [&] { return storage->List([](const StateId&) { return true; }); };
  CHECK(list().ok());
  CHECK(storage->Ends("").ok());
  for (const std::string& folder : {group, group + "/" + id.hex()}) {
    CHECK(rename(Path(folder).c_str(), Path("aside").c_str()) == 0);
    CHECK(symlink("nowhere", Path(folder).c_str()) == 0);  // nobody can open it, root neither
    CHECK_FALSE(list().ok());
    CHECK_FALSE(storage->Count().ok());
    CHECK_FALSE(storage->Ends("").ok());
    CHECK(storage->ListUploads().ok());
    CHECK(unlink(Path(folder).c_str()) == 0);
    CHECK(list().ok());  // it is gone
    CHECK(rename(Path("aside").c_str(), Path(folder).c_str()) == 0);
  }
}

// It keeps no upload from being listed, counted and removed.
TEST(FsStorage, WhatIsNoUploadIsLeftAloneAndTold) {
  const std::string tag(32, 'a');
  const KeptUpload upload{tag, std::string(32, 'b'), id, 1700000000000, kOne.size()};
  CHECK(storage->PutUpload(upload, kOne).ok());
  CHECK(storage->Strangers()->empty());
  const auto named = [&](const char* what) {
    KeptUpload other = upload;
    other.content_tag = std::string(32, *what);
    return "uploads/" + tag + "/" + fs_layout::UploadName(other);
  };
  const std::string file = "uploads/" + std::string(32, 'c');
  const std::string link = "uploads/" + std::string(32, 'd');
  CHECK(mkdir(Path(named("1")).c_str(), 0700) == 0);
  CHECK(symlink("nowhere", Path(named("2")).c_str()) == 0);
  std::ofstream(Path(file)) << "x";
  CHECK(symlink("nowhere", Path(link).c_str()) == 0);
  LONGS_EQUAL(1, storage->ListUploads()->size());
  LONGS_EQUAL(1, storage->ListUploadsOf(tag)->size());
  clock.Advance(1800000000000);
  Result<PrunedUploads> pruned = PruneUploads(*storage, clock, {1, 1, 1}, PruneHow::kRemove);
  CHECK(pruned.ok());
  LONGS_EQUAL(1, pruned->removed);
  std::set<std::string> told;
  const std::vector<Stranger> strangers = *storage->Strangers();
  for (const Stranger& one : strangers) told.insert(one.name);
  CHECK(told == std::set<std::string>({named("1"), named("2"), file, link}));
}

// One such record is damaged; the others of the store are listed all the same.
TEST(FsStorage, ARecordThatIsNoFileIsDamaged) {
  const StateId other = StateId::Of({"", "p", "other"});
  CHECK(storage->Append(other, 0, kOne)->appended);
  const std::string second = Path(fs_layout::VersionPath(id, 2));
  CHECK(storage->Append(id, 0, kOne)->appended);
  for (const char* kind : {"folder", "link", "fifo"}) {
    if (std::string(kind) == "link") CHECK(symlink("nowhere", second.c_str()) == 0);
    if (std::string(kind) == "folder") CHECK(mkdir(second.c_str(), 0700) == 0);
    if (std::string(kind) == "fifo") CHECK(mkfifo(second.c_str(), 0600) == 0);
    std::unique_ptr<FsStorage> again = Make();
    CHECK(again->Get(id, 2).status().code() == Code::kCorruption);
    CHECK(again->GetPrefix(id, 2, 10).status().code() == Code::kCorruption);
    CHECK(again->GetNewest(id).status().code() == Code::kCorruption);
    CHECK(ByteView(*again->Get(id, 1)) == ByteView(kOne));
    Result<std::vector<Records::Front>> fronts = again->Fronts(again->Ends("")->ends, 100);
    CHECK(fronts.ok());
    LONGS_EQUAL(2, fronts->size());
    for (const Records::Front& front : *fronts) CHECK_EQUAL(front.id == id, front.damaged);
    CHECK(remove(second.c_str()) == 0);
  }
}

// Who may not open one file may open others.
TEST(FsStorage, ARecordThatMayNotBeOpenedKeepsNoOtherFromBeingListed) {
  class ShutDisk : public ForgetfulDisk {
   public:
    std::string folder;
    int OpenAt(int at, const char* path, int flags, uint32_t mode) override {
      if (std::string(path).find(folder + "/0") != std::string::npos) return -EACCES;
      return ForgetfulDisk::OpenAt(at, path, flags, mode);
    }
  };
  const StateId other = StateId::Of({"", "p", "other"});
  CHECK(storage->Append(other, 0, kOne)->appended);
  CHECK(storage->Append(id, 0, kOne)->appended);
  ShutDisk disk;
  disk.folder = id.hex();
  FsStorage shut(disk, dir);
  CHECK(shut.Get(id, 1).status().code() == Code::kUnavailable);
  CHECK(shut.GetNewest(id).status().code() == Code::kUnavailable);
  Result<std::vector<Records::Front>> fronts = shut.Fronts(shut.Ends("")->ends, 100);
  CHECK(fronts.ok());
  LONGS_EQUAL(2, fronts->size());
  for (const Records::Front& front : *fronts) CHECK_EQUAL(front.id == id, front.shut);
}

// Of a file without end only the front is read.
TEST(FsStorage, ALargeRecordIsAskedAboutBeforeItIsReadWhole) {
  CHECK(storage->Append(id, 0, kOne)->appended);
  const uint64_t size = uint64_t{1} << 30;
  const std::string path = Path(fs_layout::VersionPath(id, 1));
  CHECK(chmod(path.c_str(), 0600) == 0);
  CHECK(truncate(path.c_str(), static_cast<off_t>(size)) == 0);
  int asked = 0;
  const Storage::FrontCheck no = [&](uint64_t n, ByteView front, uint64_t whole) {
    ++asked;
    LONGS_EQUAL(1, n);
    CHECK(front.size() >= 16384 && front.size() < (size >> 7));
    CHECK(whole == size);
    CHECK(front.Sub(0, kOne.size()) == ByteView(kOne));
    return Status::Corruption("too long");
  };
  CHECK(storage->GetChecked(id, 1, no).status().code() == Code::kCorruption);
  CHECK(storage->GetNewestChecked(id, no).status().code() == Code::kCorruption);
  LONGS_EQUAL(2, asked);
  CHECK(truncate(path.c_str(), 5 << 20) == 0);
  const Storage::FrontCheck yes = [&](uint64_t, ByteView, uint64_t) { return Status(); };
  LONGS_EQUAL(5 << 20, storage->GetNewestChecked(id, yes)->bytes.size());
  LONGS_EQUAL(5 << 20, storage->GetChecked(id, 1, yes)->size());
  CHECK(truncate(path.c_str(), 3) == 0);
  LONGS_EQUAL(3, storage->GetNewestChecked(id, no)->bytes.size());  // a small one needs no question
  LONGS_EQUAL(2, asked);
}

// Nothing reads it there; it is in no list either.
TEST(FsStorage, AStateInAnotherGroupIsTold) {
  CHECK(storage->Append(id, 0, kOne)->appended);
  const std::string group = id.hex().substr(0, 2) == "00" ? "01" : "00";
  const std::string elsewhere = "states/" + group + "/" + id.hex();
  CHECK(mkdir(Path("states/" + group).c_str(), 0700) == 0);
  CHECK(rename(Path(fs_layout::StatePath(id)).c_str(), Path(elsewhere).c_str()) == 0);
  storage = Make();
  LONGS_EQUAL(0, *storage->Count());
  CHECK(storage->Ends("")->ends.empty());
  const std::vector<Stranger> strangers = *storage->Strangers();
  LONGS_EQUAL(1, strangers.size());
  STRCMP_EQUAL(elsewhere.c_str(), strangers[0].name.c_str());
  STRCMP_CONTAINS(fs_layout::StatePath(id).c_str(), strangers[0].what.c_str());
}

TEST(FsStorage, AnotherStoreInItsPlaceIsAnOutage) {
  CHECK(storage->Append(id, 0, kOne)->appended);
  StoreIdentity other = marker;
  other.store_id = std::string(32, 'c');
  CHECK(Make()->WriteIdentity(other, &marker).ok());
  Down(*storage);
}

// The one that was proved counts, whatever lay there before and after.
TEST(FsStorage, TheExpectedStoreIsServedAgainWhenItIsBack) {
  StoreIdentity other = marker;
  other.store_id = std::string(32, 'c');
  LONGS_EQUAL(0, *storage->Head(id));
  storage->Expect(other);
  Down(*storage);
  CHECK(Make()->WriteIdentity(other, &marker).ok());
  LONGS_EQUAL(0, *storage->Head(id));
  CHECK(Make()->WriteIdentity(marker, &other).ok());
  Down(*storage);
  CHECK(Make()->WriteIdentity(other, &marker).ok());
  LONGS_EQUAL(0, *storage->Head(id));
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

}  // namespace stateward
