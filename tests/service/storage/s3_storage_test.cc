// The s3 storage on MinIO and on versitygw.
#include "storage/s3_storage.h"

#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>

#include "conformance/storage_cases.h"
#include "service/s3_place.h"

namespace stateward {
namespace {

class S3Fixture : public StorageFixture {
 public:
  explicit S3Fixture(const char* service) : settings_(NewS3Place(service)) {}

  std::shared_ptr<Storage> Open() override {
    return std::make_shared<S3Storage>(NewTestClient(settings_), SystemClock(), "");
  }
  void RemoveMarker() override { CHECK(Client().Delete("00-stateward-store").ok()); }
  void PutLegacy(const std::string& legacy_id, const std::string& blob) override {
    CHECK(Client().MakeBucket().ok());
    CHECK(Client().Put(legacy_id + ".tfstate", blob, S3Condition()).ok());
  }
  bool PutStranger() override {
    CHECK(Client().MakeBucket().ok());
    CHECK(Client().Put("somebody/else's + ü.txt", std::string("x"), S3Condition()).ok());
    return true;
  }
  S3Client& Client() {
    if (!client_) client_ = NewTestClient(settings_);
    return *client_;
  }

 private:
  const S3Settings settings_;
  std::unique_ptr<S3Client> client_;
};

// Without a bucket, with an emptied one, and with one that went away: never "absent".
void NothingIsAbsentWithoutMarker(S3Fixture& f) {
  using namespace storage_cases;  // NOLINT: the cases' own words
  std::shared_ptr<Storage> s = Fresh(f);
  Put(*s, Id(), 0, std::string("x"));
  Is(Code::kNotFound, s->Get(Id(), 7));
  LONGS_EQUAL(0, Must(s->Head(IdOf("other"))));
  f.RemoveMarker();
  std::shared_ptr<Storage> fresh = f.Open();
  for (const std::shared_ptr<Storage>& each : {s, fresh}) {
    Is(Code::kUnavailable, each->Get(Id(), 7));
    Is(Code::kUnavailable, each->Head(IdOf("other")));
    Is(Code::kUnavailable, each->GetNewest(IdOf("other")));
    Is(Code::kUnavailable, each->Versions(IdOf("other")));
    Is(Code::kUnavailable, each->GetLegacy(LegacyId()));
    Is(Code::kUnavailable, each->LegacyClaim(LegacyId()));
  }
}

void EmptiedStatesAreNotAbsent(S3Fixture& f) {
  using namespace storage_cases;  // NOLINT: the cases' own words
  std::shared_ptr<Storage> s = Fresh(f);
  Put(*s, Id(), 0, std::string("x"));
  CHECK(f.Client().Delete("states/" + Id().hex() + "/00000000000000000001").ok());
  Is(Code::kUnavailable, s->GetNewest(Id()));
  Is(Code::kUnavailable, s->Head(Id()));
}

}  // namespace

TEST_GROUP(MinioConforms) { S3Fixture fixture{"S3"}; };
STORAGE_CONFORMS(MinioConforms)
TEST(MinioConforms, NothingIsAbsentWithoutMarker) { NothingIsAbsentWithoutMarker(fixture); }
TEST(MinioConforms, EmptiedStatesAreNotAbsent) { EmptiedStatesAreNotAbsent(fixture); }

TEST_GROUP(VersitygwConforms) { S3Fixture fixture{"S3B"}; };
STORAGE_CONFORMS(VersitygwConforms)
TEST(VersitygwConforms, NothingIsAbsentWithoutMarker) { NothingIsAbsentWithoutMarker(fixture); }
TEST(VersitygwConforms, EmptiedStatesAreNotAbsent) { EmptiedStatesAreNotAbsent(fixture); }

}  // namespace stateward
