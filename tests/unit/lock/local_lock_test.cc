#include "lock/local_lock.h"

#include <CppUTest/TestHarness.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "conformance/locker_cases.h"
#include "doubles/fake_clock.h"

namespace stateward {
namespace {

// A folder with a lock service, gone with the test.
struct LockFolder {
  char dir[40] = "/tmp/stateward-lock-XXXXXX";
  FakeClock clock;
  StateId id = StateId::Of({"", "p", "n"});

  LockFolder() {
    if (mkdtemp(dir) == nullptr) dir[0] = '\0';
    LocalLock lock(PosixDisk(), clock, Dir());
    if (!lock.InitService(false).ok()) dir[0] = '\0';
  }
  ~LockFolder() { [[maybe_unused]] int r = system(("rm -rf " + std::string(dir)).c_str()); }
  std::string Dir() const { return std::string(dir) + "/locks"; }
  std::string File() const { return Dir() + "/" + id.hex().substr(0, 2) + "/" + id.hex(); }
  LocalLock Make() { return LocalLock(PosixDisk(), clock, Dir()); }
};

LockRecord Want(const std::string& id) {
  LockRecord record;
  record.id = id;
  record.info = "{\"ID\":\"" + id + "\"}";
  record.principal = "me";
  return record;
}

bool IsGranted(const Result<AcquireOutcome>& r) {
  return r.ok() && std::holds_alternative<Granted>(*r);
}
bool IsHeld(const Result<AcquireOutcome>& r) {
  return r.ok() && std::holds_alternative<HeldBy>(*r);
}
Result<uint64_t> Base7(const BaseAsk&) { return uint64_t{7}; }

class LocalFixture : public LockerFixture {
 public:
  LocalFixture() {
    if (mkdtemp(dir_) == nullptr) FAIL("mkdtemp");
  }
  ~LocalFixture() override {
    [[maybe_unused]] int r = system(("rm -rf " + std::string(dir_)).c_str());
  }
  std::shared_ptr<Locker> Open() override {
    return std::make_shared<LocalLock>(PosixDisk(), clock_, std::string(dir_) + "/locks");
  }
  size_t Kept() override {
    size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_)) {
      files += entry.is_regular_file() ? 1 : 0;
    }
    return files;
  }
  void Advance(int64_t ms) override { clock_.Advance(ms); }

 private:
  char dir_[40] = "/tmp/stateward-lock-XXXXXX";
  FakeClock clock_;
};

}  // namespace

TEST_GROUP(LocalLockConforms) { LocalFixture fixture; };

LOCKER_CONFORMS(LocalLockConforms)
LOCKER_CONFORMS_CLOCK(LocalLockConforms)

// The thread sanitizer runs the groups with Tsan in their names.
TEST_GROUP(LocalLockThreadsTsan) { LocalFixture fixture; };

LOCKER_TEST_(LocalLockThreadsTsan, ServiceGetsItsIdOnce)
LOCKER_TEST_(LocalLockThreadsTsan, BaseIsReadWhileNobodyElseCanHoldIt)
LOCKER_TEST_(LocalLockThreadsTsan, WithLockHoldsStillWhereItSaysSo)
LOCKER_TEST_(LocalLockThreadsTsan, OneOfSixtyIsGranted)
LOCKER_TEST_(LocalLockThreadsTsan, OneHolderAtATime)

TEST_GROUP(LocalLock) { LockFolder folder; };

TEST(LocalLock, GoneServiceIsAnOutageAndHeals) {
  LocalLock lock(PosixDisk(), folder.clock, folder.Dir());
  CHECK(IsGranted(lock.Acquire(folder.id, Want("a"), Base7)));
  std::string service = folder.Dir() + "/lock-service";
  CHECK(rename(service.c_str(), (service + ".away").c_str()) == 0);
  CHECK(lock.Acquire(folder.id, Want("b"), Base7).status().code() == Code::kUnavailable);
  CHECK(lock.Look(folder.id).status().code() == Code::kUnavailable);
  CHECK(rename((service + ".away").c_str(), service.c_str()) == 0);
  CHECK(IsHeld(lock.Acquire(folder.id, Want("b"), Base7)));
  std::string away = folder.Dir() + ".away";
  CHECK(rename(folder.Dir().c_str(), away.c_str()) == 0);
  CHECK(lock.Look(folder.id).status().code() == Code::kUnavailable);
  CHECK(LocalLock(PosixDisk(), folder.clock, folder.Dir()).InitService(false).ok());
  CHECK(lock.Look(folder.id).status().code() == Code::kUnavailable);  // another service
}

TEST_GROUP(LocalLockTsan) { LockFolder folder; };

// Two processes with four threads each: at most one holder at any time.
TEST(LocalLockTsan, OneHolderAtATime) {
  auto hammer = [this](int who) {
    std::atomic<int> holders{0};
    std::atomic<bool> bad{false};
    LocalLock lock(PosixDisk(), folder.clock, folder.Dir());
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 40; ++i) {
          std::string id = std::to_string(who) + "-" + std::to_string(t) + "-" + std::to_string(i);
          const Result<AcquireOutcome> r =
              AskAgain([&] { return lock.Acquire(folder.id, Want(id), Base7); });
          if (!r.ok()) bad = true;
          if (!IsGranted(r)) continue;
          if (holders.fetch_add(1) != 0) bad = true;
          const Result<LockView> view = AskAgain([&] { return lock.Look(folder.id); });
          if (!view.ok() || !view->holder || view->holder->id != id) bad = true;
          holders.fetch_sub(1);
          const ReleaseRequest mine{id, "me", false};
          if (!AskAgain([&] { return lock.Release(folder.id, mine); }).ok()) bad = true;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    return !bad;
  };
  pid_t child = fork();
  if (child == 0) _exit(hammer(1) ? 0 : 1);
  const bool good = hammer(2);
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(good);
  LONGS_EQUAL(0, status);
}

}  // namespace stateward
