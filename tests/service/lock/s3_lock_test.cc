// The lock s3 on MinIO and on versitygw. (Its clock is the service's: no case may turn it.)
#include "lock/s3_lock.h"

#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>

#include "conformance/locker_cases.h"
#include "service/s3_place.h"

namespace stateward {
namespace {

class S3LockFixture : public LockerFixture {
 public:
  explicit S3LockFixture(const char* service) : settings_(NewS3Place(service)) {}

  std::shared_ptr<Locker> Open() override {
    return std::make_shared<S3Lock>(NewTestClient(settings_), SystemClock(), "locks/");
  }
  size_t Kept() override {
    size_t objects = 0;
    const Status listed = NewTestClient(settings_)->List({}, [&](const S3Page& page) {
      objects += page.objects.size();
      return true;
    });
    CHECK(listed.ok());
    return objects;
  }
  S3Settings settings_;
};

// A service whose locks are gone, its id among them, grants nothing; one that was made again for a
// store that was guarded before burns at the first grant of each state.
void ForgottenLocksBurn(S3LockFixture& f) {
  using namespace locker_cases;  // NOLINT: the cases' own words
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Want("a"));
  std::unique_ptr<S3Client> client = NewTestClient(f.settings_);
  CHECK(client->Delete("locks/00-lock-service").ok());
  CHECK(client->Delete("locks/" + Id().hex()).ok());
  IsUnavailable(l->Acquire(Id(), Want("b"), Base7));
  IsUnavailable(f.Open()->Look(Id()));
  Must(f.Open()->InitService(true));
  for (int i = 0; i < 2; ++i) {
    std::shared_ptr<Locker> again = f.Open();
    for (const char* name : {"n", "m"}) {
      bool said = false;
      const auto base = [&](const BaseAsk& ask) -> Result<uint64_t> {
        said = ask.burn;
        return uint64_t{1};
      };
      std::string id = std::string("c") + std::to_string(i);
      MustBe<Granted>(again->Acquire(IdOf(name), Want(id), base));
      CHECK_EQUAL(i == 0, said);
      MustBe<Released>(again->Release(IdOf(name), {id, "alice", false}));
    }
  }
}

}  // namespace

TEST_GROUP(MinioLockConforms) { S3LockFixture fixture{"S3"}; };
LOCKER_CONFORMS(MinioLockConforms)
LOCKER_CONFORMS_TWO_STEPS(MinioLockConforms)
TEST(MinioLockConforms, ForgottenLocksBurn) { ForgottenLocksBurn(fixture); }

TEST_GROUP(VersitygwLockConforms) { S3LockFixture fixture{"S3B"}; };
LOCKER_CONFORMS(VersitygwLockConforms)
LOCKER_CONFORMS_TWO_STEPS(VersitygwLockConforms)
TEST(VersitygwLockConforms, ForgottenLocksBurn) { ForgottenLocksBurn(fixture); }

}  // namespace stateward
