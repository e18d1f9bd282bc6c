// The local lock on a disk whose syncs fail.
#include <CppUTest/TestHarness.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "conformance/locker_cases.h"
#include "doubles/fake_clock.h"
#include "doubles/vanishing_disk.h"
#include "lock/local_lock.h"

namespace stateward {

using namespace locker_cases;  // NOLINT: the cases' own words

TEST_GROUP(LocalLockDisk) {
  char dir[40] = "/tmp/stateward-lock-XXXXXX";
  FakeClock clock;
  VanishingDisk disk;
  std::shared_ptr<Locker> l;

  void setup() override {
    CHECK(mkdtemp(dir) != nullptr);
    l = Open();
    Must(l->InitService(false));
    Take(*l, Want("before"));
    Free(*l, "before");
  }
  void teardown() override { [[maybe_unused]] int r = system(("rm -rf " + Dir()).c_str()); }

  std::string Dir() const { return dir; }
  std::string File(const StateId& id = Id()) const {
    return Dir() + "/locks/" + id.hex().substr(0, 2) + "/" + id.hex();
  }
  std::shared_ptr<Locker> Open() {
    return std::make_shared<LocalLock>(disk, clock, Dir() + "/locks");
  }
  // A process that is gone before it synced.
  void DieWhileLocking(const char* lock_id) {
    pid_t child = fork();
    if (child == 0) {
      disk.die_at_sync = true;
      (void)l->Acquire(Id(), Want(lock_id), Base7);
      _exit(1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    LONGS_EQUAL(0, status);
  }
  // The holder after a power cut; "" when the lock is free.
  std::string HolderAfterACut() {
    disk.DropPages(File());
    return Holder(*Open());
  }
};

// The folder of a first lock is made in two steps, and those who go through all locks meet it.
TEST(LocalLockDisk, AnEmptyFolderThatGoesIsNoOutage) {
  Take(*l, Want("held"));
  disk.folder = Id().hex().substr(0, 2) == "e1" ? "e2" : "e1";
  const std::string group = Dir() + "/locks/" + disk.folder;
  for (VanishingDisk::When when :
       {VanishingDisk::When::kBeforeItIsOpened, VanishingDisk::When::kBeforeItIsListed}) {
    disk.when = when;
    CHECK(mkdir(group.c_str(), 0700) == 0);
    const Result<HeldCount> held = l->CountHeld();
    CHECK(held.ok());
    LONGS_EQUAL(1, held->whole);
    CHECK(mkdir(group.c_str(), 0700) == 0);
    const Result<GateSet> gates = l->ReadGates();
    CHECK(gates.ok());
    CHECK(*l->ExchangeGates(gates->tag, gates->gates));
  }
}

// What was answered 200 is on the disk, however often the client had to ask.
TEST(LocalLockDisk, AFailedSyncOfALockIsNotBelievedTheSecondTime) {
  disk.fail_syncs = 1;
  IsUnavailable(l->Acquire(Id(), Want("a"), Base7));
  MustBe<Granted>(l->Acquire(Id(), Want("a"), Base7));
  STRCMP_EQUAL("a", HolderAfterACut().c_str());
}

TEST(LocalLockDisk, AFailedSyncOfAReleaseIsNotBelievedTheSecondTime) {
  Take(*l, Want("a"));
  disk.fail_syncs = 1;
  IsUnavailable(l->Release(Id(), {"a", "alice", false}));
  CHECK(l->Release(Id(), {"a", "alice", false}).ok());
  STRCMP_EQUAL("", HolderAfterACut().c_str());
  MustBe<WasReleased>(l->Acquire(Id(), Want("a"), Base7));
}

// Repeats that find the work done make it last themselves, each time: they cannot know that it was
// another one's sync that failed.
TEST(LocalLockDisk, ARepeatIsNotBelievedTheSecondTime) {
  DieWhileLocking("a");
  disk.fail_syncs = 1;
  IsUnavailable(l->Acquire(Id(), Want("a"), Base7));
  CHECK(MustBe<Granted>(l->Acquire(Id(), Want("a"), Base7)).repeated);
  STRCMP_EQUAL("a", HolderAfterACut().c_str());
}

// A lock whose LOCK was answered 503 is not left behind.
TEST(LocalLockDisk, ALockThatCouldNotBeSyncedIsFree) {
  disk.fail_syncs = 1;
  IsUnavailable(l->Acquire(Id(), Want("a"), Base7));
  STRCMP_EQUAL("", Holder(*l).c_str());
  Take(*l, Want("b"));
  STRCMP_EQUAL("b", HolderAfterACut().c_str());
}

// A full disk: nothing can be made, and nothing needs to be.
TEST(LocalLockDisk, ReleasingWhatNeverWasNeedsNoRoom) {
  disk.full = true;
  const StateId never = IdOf("never");
  MustBe<NotHeld>(l->Release(never, {"a", "alice", false}));
  MustBe<NotHeld>(l->Release(never, {"", "alice", false}));
  STRCMP_EQUAL("", Holder(*l, never).c_str());
  IsUnavailable(l->Acquire(never, Want("a"), Base7));
  disk.full = false;
  Take(*l, Want("a"), never);
}

// The entry of a new file in its folder is synced once. When that fails the file is made again.
TEST(LocalLockDisk, AFailedSyncOfAFolderIsNotBelievedTheSecondTime) {
  const StateId fresh = IdOf("fresh");
  disk.fail_folder_syncs = 1;
  IsUnavailable(l->Acquire(fresh, Want("a"), Base7));
  LONGS_EQUAL(0, disk.Inode(File(fresh)));
  Take(*l, Want("a"), fresh);
}

// Its writer died before its sync. What it left is made to last before it is built upon, since the
// next record takes the place of the one before it.
TEST(LocalLockDisk, WhatADeadWriterLeftIsWrittenAgain) {
  DieWhileLocking("a");
  STRCMP_EQUAL("a", Holder(*l).c_str());
  disk.pass_syncs = 1;
  disk.fail_syncs = 1;
  IsUnavailable(l->Release(Id(), {"a", "alice", false}));
  STRCMP_EQUAL("a", HolderAfterACut().c_str());
}

}  // namespace stateward
