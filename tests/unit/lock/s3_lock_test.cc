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
  void Advance(int64_t ms) override { clock.Advance(ms); }

  FakeClock clock;
  std::shared_ptr<MemS3> s3 = std::make_shared<MemS3>();
};

}  // namespace

using namespace locker_cases;  // NOLINT: the cases' own words

TEST_GROUP(MemS3LockConforms) { MemS3LockFixture fixture; };
LOCKER_CONFORMS(MemS3LockConforms)

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

}  // namespace stateward
