// The lock s3 over a service in memory.
#include "lock/s3_lock.h"

#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>

#include "conformance/locker_cases.h"
#include "doubles/fake_clock.h"
#include "doubles/mem_s3.h"

namespace stateward {
namespace {

class MemS3LockFixture : public LockerFixture {
 public:
  std::shared_ptr<Locker> Open() override {
    return std::make_shared<S3Lock>(NewMemS3Client(s3, clock), clock, "locks/");
  }
  size_t Kept() override { return s3->objects.size(); }
  // The service's clock counts. One that is set back leaves ours, which never goes back, alone.
  void Advance(int64_t ms) override {
    s3->date_ms += ms;
    if (ms > 0) clock.Advance(ms);
  }

  FakeClock clock;
  std::shared_ptr<MemS3> s3 = std::make_shared<MemS3>();
};

}  // namespace

using namespace locker_cases;  // NOLINT: the cases' own words

TEST_GROUP(MemS3LockConforms) { MemS3LockFixture fixture; };
LOCKER_CONFORMS(MemS3LockConforms)
LOCKER_CONFORMS_CLOCK(MemS3LockConforms)
LOCKER_CONFORMS_TWO_STEPS(MemS3LockConforms)

TEST_GROUP(S3LockFaults) {
  MemS3LockFixture f;
  std::shared_ptr<Locker> l = Fresh(f);
  // The n-th PUT from now on is stored, but its answer is lost.
  void LoseAnswer(int n) {
    f.s3->fault = [n](const MemS3::Asked& asked,
                      const auto& done) mutable -> std::optional<MemS3::Answer> {
      if (asked.method != "PUT" || --n != 0) return std::nullopt;
      (void)done();
      return Status::Unavailable("http: timed out");
    };
  }
};

// A service that was made again for a store that was guarded before may have forgotten a lock of
// any state: the first grant of each says so.
TEST(S3LockFaults, ANewEpochTakesANumberAway) {
  Take(*l, Want("a"));
  f.s3->objects.clear();
  IsUnavailable(f.Open()->Look(Id()));
  Must(f.Open()->InitService(true));
  for (const bool first : {true, false}) {
    bool said = false;
    const auto base = [&said](const BaseAsk& ask) -> Result<uint64_t> {
      said = ask.burn;
      return uint64_t{1};
    };
    MustBe<Granted>(f.Open()->Acquire(Id(), Want(first ? "b" : "c"), base));
    CHECK_EQUAL(first, said);
    Free(*f.Open(), first ? "b" : "c");
  }
}

// A lock that was taken without a base yet is completed by the client's repeat.
TEST(S3LockFaults, ARepeatCompletesALockWhoseTakingBrokeOff) {
  for (int n : {1, 2}) {
    const std::string id = "a" + std::to_string(n);
    Must(l->Look(Id()));  // the proof of the conditions has been made
    LoseAnswer(n);
    IsUnavailable(l->Acquire(Id(), Want(id), Base7));
    f.s3->fault = nullptr;
    MustBe<Granted>(f.Open()->Acquire(Id(), Want(id), Base7));
    CHECK(Must(l->Look(Id())).holder->base == 7);
    Free(*l, id);
  }
}

TEST(S3LockFaults, AReleaseWhoseAnswerIsLostIsRepeated) {
  Take(*l, Want("a"));
  LoseAnswer(1);
  IsUnavailable(l->Release(Id(), {"a", "alice", false}));
  f.s3->fault = nullptr;
  MustBe<WasReleased>(l->Release(Id(), {"a", "alice", false}));
}

TEST(S3LockFaults, ADamagedLockIsAnOutage) {
  Take(*l, Want("a"));
  std::string& bytes = f.s3->objects.at("locks/" + Id().hex()).bytes;
  bytes[bytes.size() - 1] ^= 1;
  IsUnavailable(l->Look(Id()));
  bytes = "";
  IsUnavailable(l->Acquire(Id(), Want("b"), Base7));
}

TEST(S3LockFaults, LocksThatAreGoneAreAnOutage) {
  Take(*l, Want("a"));
  f.s3->objects.clear();
  IsUnavailable(l->Acquire(Id(), Want("b"), Base7));
  IsUnavailable(f.Open()->Acquire(Id(), Want("b"), Base7));
}

TEST(S3LockFaults, AServiceWithoutConditionsIsRefused) {
  f.s3->if_match = false;
  std::shared_ptr<Locker> fresh = f.Open();
  IsUnavailable(fresh->Acquire(Id(), Want("a"), Base7));
  CHECK(fresh->Check().detail().find("ignores conditional writes") != std::string::npos);
}

// What a server remembers of a lock, and what others did to it meanwhile.
TEST_GROUP(S3LockMemory) {
  MemS3LockFixture f;
  std::shared_ptr<Locker> l = Fresh(f);
  std::shared_ptr<Locker> other = f.Open();
  bool burn = false;
  BaseFn base = [this](const BaseAsk& ask) -> Result<uint64_t> {
    burn = ask.burn;
    return uint64_t{7};
  };

  size_t Asked(const char* what) {
    size_t count = 0;
    for (const MemS3::Asked& asked : f.s3->log) count += MemS3::NameOf(asked) == what ? 1 : 0;
    return count;
  }
  // So often that `l` gives the lock without a look.
  void setup() override {
    for (int i = 0; i < 5; ++i) {
      f.s3->log.clear();
      Take(*l, Want("w" + std::to_string(i)));
      Free(*l, "w" + std::to_string(i));
    }
    LONGS_EQUAL(0, Asked("GET lock"));
    LONGS_EQUAL(3, Asked("PUT lock"));
    other = f.Open();
  }
};

TEST(S3LockMemory, AnotherServerGaveTheLock) {
  Take(*other, Want("a"));
  STRCMP_EQUAL("a", MustBe<HeldBy>(l->Acquire(Id(), Want("b"), Base7)).holder.id.c_str());
  CHECK(MustBe<Granted>(l->Acquire(Id(), Want("a"), Base7)).repeated);
  STRCMP_EQUAL("a", Holder(*l).c_str());
}

TEST(S3LockMemory, AnotherServerGavePlans) {
  LockRecord plan = Want("p");
  plan.operation = std::string(kPlanOperation);
  plan.shared = true;
  Take(*other, plan);
  LONGS_EQUAL(1, MustBe<HeldBy>(l->Acquire(Id(), Want("b"), Base7)).plans.size());
  LONGS_EQUAL(1, Must(l->Look(Id())).plans.size());
}

TEST(S3LockMemory, AnotherServerReleasedTheLock) {
  Take(*l, Want("a"));
  Free(*other, "a");
  MustBe<WasReleased>(l->Release(Id(), {"a", "alice", false}));
  Take(*l, Want("b"));
  Free(*other, "b");
  Take(*other, Want("c"));
  MustBe<WasReleased>(l->Release(Id(), {"b", "alice", false}));
  STRCMP_EQUAL("c", Holder(*l).c_str());
}

TEST(S3LockMemory, AnIdThatAnotherServerReleasedStaysReleased) {
  Take(*other, Want("a"));
  Free(*other, "a");
  MustBe<WasReleased>(l->Acquire(Id(), Want("a"), Base7));
}

TEST(S3LockMemory, AForcedReleaseTakesANumberAway) {
  Take(*l, Want("a"));
  MustBe<Released>(other->Release(Id(), {"", "bob", false}));
  MustBe<WasReleased>(l->Release(Id(), {"a", "alice", false}));
  MustBe<Granted>(l->Acquire(Id(), Want("b"), base));
  CHECK(burn);
}

TEST(S3LockMemory, AWriteOfAnotherServerThatMayBeLateTakesANumberAway) {
  CHECK(other->BurnNext(Id()).ok());
  MustBe<Granted>(l->Acquire(Id(), Want("a"), base));
  CHECK(burn);
}

TEST(S3LockMemory, AGateThatWasShutMeanwhileGivesNoLock) {
  const GateTicket ticket = ShutNow(*other);
  MustBe<GatesChanged>(l->Acquire(Id(), Want("a"), Base7));
  MustBe<Shut>(l->Acquire(Id(), Want("a"), LockTerms(Base7, ticket)));
  STRCMP_EQUAL("", Holder(*other).c_str());
}

// Another process made the lock service again; a server that is not stopped for that learns it
// within some seconds, as it does without a memory.
TEST(S3LockMemory, AServiceThatIsAnotherOneIsAnOutage) {
  Must(other->InitService(true));
  f.clock.Advance(S3Landmark::kFreshUs / 1000);
  IsUnavailable(l->Acquire(Id(), Want("b"), base));
}

TEST(S3LockMemory, LocksThatAreGoneAreAnOutage) {
  Take(*l, Want("a"));
  const auto all = f.s3->objects;
  f.s3->objects.clear();
  IsUnavailable(l->Release(Id(), {"a", "alice", false}));
  f.s3->objects = all;
  Free(*l, "a");
  f.s3->objects.clear();
  IsUnavailable(l->Acquire(Id(), Want("b"), Base7));
}

// An older copy of the bucket was put back: not what this server left, and not without a look.
TEST(S3LockMemory, AnOlderLockIsNotTakenForTheOneThatWasLeft) {
  Take(*other, Want("a"));
  const auto held = f.s3->objects;
  Free(*other, "a");
  for (int i = 0; i < 5; ++i) {
    Take(*l, Want("x" + std::to_string(i)));
    Free(*l, "x" + std::to_string(i));
  }
  f.s3->objects = held;
  MustBe<HeldBy>(l->Acquire(Id(), Want("b"), Base7));
}

TEST(S3LockMemory, AnAnswerThatWasLostIsToldByTheRepeat) {
  f.s3->fault = [this](const MemS3::Asked& asked,
                       const auto& done) -> std::optional<MemS3::Answer> {
    if (asked.method != "PUT") return std::nullopt;
    f.s3->fault = nullptr;
    (void)done();
    return Status::Unavailable("http: timed out");
  };
  IsUnavailable(l->Acquire(Id(), Want("a"), Base7));
  MustBe<Granted>(l->Acquire(Id(), Want("a"), Base7));
  CHECK(Must(l->Look(Id())).holder->base == 7);
  Free(*l, "a");
}

TEST(S3LockMemory, ManyStatesCostLooks) {
  for (int i = 0; i < 600; ++i) {
    const StateId id = IdOf(std::to_string(i));
    Take(*l, Want("a"), id);
    MustBe<Released>(l->Release(id, {"a", "alice", false}));
  }
  Take(*l, Want("a"));
  Free(*other, "a");
}

}  // namespace stateward
