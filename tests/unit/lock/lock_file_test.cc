// The local lock's files, damaged byte by byte.
#include "lock/lock_file.h"

#include <CppUTest/TestHarness.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "conformance/locker_cases.h"
#include "doubles/fake_clock.h"
#include "lock/local_lock.h"

namespace stateward {

using namespace locker_cases;  // NOLINT: the cases' own words

TEST_GROUP(LockFile) {
  char dir[40] = "/tmp/stateward-lock-XXXXXX";
  FakeClock clock;
  std::shared_ptr<LocalLock> l;

  void setup() override {
    CHECK(mkdtemp(dir) != nullptr);
    l = Open();
    Must(l->InitService(false));
  }
  void teardown() override {
    [[maybe_unused]] int r = system(("rm -rf " + std::string(dir)).c_str());
  }
  std::shared_ptr<LocalLock> Open() {
    return std::make_shared<LocalLock>(PosixDisk(), clock, std::string(dir) + "/locks");
  }
  std::string Path() const {
    return std::string(dir) + "/locks/" + Id().hex().substr(0, 2) + "/" + Id().hex();
  }
  std::string Load() {
    std::ifstream in(Path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Store(const std::string& bytes) {
    int fd = open(Path().c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC);
    CHECK(write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    close(fd);
  }
  static constexpr size_t kPlace = 4096;
  static size_t NewestPlace(const std::string& file) {
    return file[15] > file[kPlace + 15] ? 0 : kPlace;
  }
  // A bit of each byte of the place that begins there, as far as it is summed up.
  static std::vector<size_t> BitsOf(const std::string& file, size_t at) {
    const size_t size = static_cast<unsigned char>(file[at + 18]) * 256U +
                        static_cast<unsigned char>(file[at + 19]);
    std::vector<size_t> bits;
    for (size_t byte = 0; byte < 96 + size; ++byte) {
      if (byte >= 64 && byte < 96) continue;
      bits.push_back((at + byte) * 8 + byte % 8);
    }
    return bits;
  }
};

// An update that breaks off at any byte leaves the lock as it was before it or as it is after it,
// and nothing forgotten; it may be repeated.
TEST(LockFile, TornUpdates) {
  Take(*l, Want("before"));
  Free(*l, "before");
  Take(*l, Want("a"));
  const std::string before = Load();
  Free(*l, "a");
  std::string after = Load();
  // The last step of all, which comes behind the sync: what followed the older record.
  const size_t place = NewestPlace(after);
  after.replace(kPlace - place + 64, 32, before, kPlace - place + 64, 32);
  LONGS_EQUAL(before.size(), after.size());
  std::string torn = before;
  int cuts = 0;
  for (size_t cut = 0; cut < after.size(); ++cut) {
    if (torn[cut] == after[cut]) continue;
    Store(torn);
    std::shared_ptr<LocalLock> fresh = Open();
    const bool written = torn.compare(place, kPlace, after, place, kPlace) == 0;
    STRCMP_EQUAL(written ? "" : "a", Holder(*fresh).c_str());
    STRCMP_EQUAL("", fresh->Warning().c_str());
    CHECK_FALSE(std::holds_alternative<HeldBy>(Must(fresh->Release(Id(), {"a", "alice", false}))));
    STRCMP_EQUAL("", Holder(*fresh).c_str());
    torn[cut] = after[cut];
    ++cuts;
  }
  CHECK(cuts > 40);
}

// The newest record was acknowledged, so it counts as one that was forgotten when it is damaged: it
// is neither free nor held by whom the older copy says, but for the next LOCK, which burns.
TEST(LockFile, AFlippedBitOfTheNewestRecordIsALockThatMayBeForgotten) {
  for (bool held : {true, false}) {
    Take(*l, Want("a" + std::to_string(held ? 1 : 0)));
    if (!held) Free(*l, "a0");
    const std::string whole = Load();
    for (size_t bit : BitsOf(whole, NewestPlace(whole))) {
      std::string flipped = whole;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      Store(flipped);
      std::shared_ptr<LocalLock> fresh = Open();
      STRCMP_EQUAL("", Holder(*fresh).c_str());
      CHECK_FALSE(fresh->Warning().empty());
      // Who looks at it, or fails, does not make it forget that.
      CHECK(fresh->WithLock(Id(), [](const LockView&) {}).ok());
      CHECK(LockSaysBurn(*fresh, "b", false));
      CHECK(LockSaysBurn(*fresh, "b"));
      STRCMP_EQUAL("b", Holder(*Open()).c_str());
    }
    Store(whole);
    if (held) Free(*l, "a1");
  }
}

// Each bit that counts, of either copy, is told and mended; who holds the lock stays as it was, as
// far as it is known.
TEST(LockFile, ADamagedCopyIsToldAndWrittenAgain) {
  Take(*l, Want("a"));
  Free(*l, "a");
  Take(*l, Want("b"));
  CHECK(l->WithLock(Id(), [](LockView& view) { view.mark = 8; }).ok());
  UNSIGNED_LONGS_EQUAL(0, Must(l->Damage(Id())).size());
  const std::string whole = Load();
  const size_t newest = NewestPlace(whole);
  std::vector<size_t> bits = BitsOf(whole, newest);
  for (size_t bit : BitsOf(whole, kPlace - newest)) bits.push_back(bit);
  // What was noted behind each.
  for (size_t byte = 64; byte < 80; ++byte) bits.push_back((kPlace - newest + byte) * 8);
  for (size_t byte = 80; byte < 96; ++byte) bits.push_back((newest + byte) * 8);
  for (size_t bit : bits) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    Store(flipped);
    std::shared_ptr<LocalLock> fresh = Open();
    UNSIGNED_LONGS_EQUAL(1, Must(fresh->Damage(Id())).size());
    CHECK(Must(fresh->Damage(Id()))[0].repairable);
    const std::string holder = Holder(*fresh);
    CHECK(fresh->RepairDamage(Id()).ok());
    UNSIGNED_LONGS_EQUAL(0, Must(fresh->Damage(Id())).size());
    STRCMP_EQUAL(holder.c_str(), Holder(*Open()).c_str());
    const size_t byte = bit / 8 - newest;  // below the place's begin: none of it
    const bool forgotten = bit / 8 >= newest && byte < kPlace && (byte < 64 || byte >= 96);
    STRCMP_EQUAL(forgotten ? "" : "b", holder.c_str());
    if (forgotten) CHECK(LockSaysBurn(*Open(), "c", false));
  }
}

// The last write of an UNLOCK, behind its sync: nobody mends what the next step writes anyway.
TEST(LockFile, ANoteThatBrokeOffIsNoDamage) {
  Take(*l, Want("a"));
  Free(*l, "a");
  const std::string whole = Load();
  const size_t note = kPlace - NewestPlace(whole) + 64;
  for (size_t cut = 0; cut < 16; ++cut) {
    std::string torn = whole;
    torn.replace(note + cut, 16 - cut, 16 - cut, '\0');
    Store(torn);
    UNSIGNED_LONGS_EQUAL(0, Must(Open()->Damage(Id())).size());
  }
}

TEST(LockFile, BothCopiesDamagedIsAnOutage) {
  Take(*l, Want("a"));
  Free(*l, "a");
  std::string bad = Load();
  bad[20] = static_cast<char>(bad[20] ^ 1);
  bad[kPlace + 20] = static_cast<char>(bad[kPlace + 20] ^ 1);
  Store(bad);
  IsUnavailable(Open()->Acquire(Id(), Want("b"), Base7));
}

// Whose tag it bears is refused, as before.
TEST(LockFile, ADamagedEntryOfAReleasedIdForgetsNothing) {
  Take(*l, Want("a"));
  Free(*l, "a");
  std::string bad = Load();
  bad[2 * kPlace] = static_cast<char>(bad[2 * kPlace] ^ 1);
  Store(bad);
  MustBe<WasReleased>(Open()->Acquire(Id(), Want("a"), Base7));
  MustBe<WasReleased>(Open()->Release(Id(), {"a", "alice", false}));
  UNSIGNED_LONGS_EQUAL(1, Must(l->Damage(Id())).size());
  CHECK_FALSE(Must(l->Damage(Id()))[0].repairable);
  Take(*Open(), Want("b"));
}

// A file that nobody has written into yet, as one that was killed there leaves it.
TEST(LockFile, AnEmptyFileIsAFreeLock) {
  Take(*l, Want("a"));
  std::string begun = Load();
  begun.replace(0, kPlace, kPlace, '\0');
  std::string torn = begun;
  torn.replace(kPlace + 100, 1, "x");
  for (const std::string& blank : {std::string(), std::string(16384, '\0'), begun, torn}) {
    Store(blank);
    STRCMP_EQUAL("", Holder(*l).c_str());
    Take(*l, Want("b"));
    STRCMP_EQUAL("b", Holder(*Open()).c_str());
  }
}

// A head that was noted without a sync of its own is there for whoever comes next.
TEST(LockFile, ANotedHeadIsTheMark) {
  Take(*l, Want("a"));
  CHECK(l->WithLock(Id(), [](LockView& view) { view.mark = 8; }).ok());
  CHECK(Must(Open()->Look(Id())).mark == 8);
  MustBe<Granted>(l->Acquire(Id(), Want("a"), Base7));  // its bytes are written again
  Free(*Open(), "a");
  CHECK(Must(Open()->Look(Id())).mark == 8);
}

}  // namespace stateward
