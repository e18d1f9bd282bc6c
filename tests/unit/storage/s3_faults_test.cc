// The s3 storage when the service answers something else than it should: nothing of it is ever
// "absent", and no write is told to have lost that has won.
#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>

#include "base/circuit_breaker.h"
#include "conformance/storage_cases.h"
#include "doubles/fake_clock.h"
#include "doubles/mem_s3.h"
#include "storage/s3_storage.h"

namespace stateward {
namespace {

class MemS3Fixture : public StorageFixture {
 public:
  std::shared_ptr<Storage> Open() override {
    return std::make_shared<S3Storage>(NewMemS3Client(s3, clock), clock, "");
  }
  void RemoveMarker() override { s3->objects.erase("00-stateward-store"); }
  void PutLegacy(const std::string& legacy_id, const std::string& blob) override {
    s3->bucket = true;
    s3->objects[legacy_id + ".tfstate"] = {blob, "\"l\"", "", ""};
  }
  bool PutStranger() override {
    s3->bucket = true;
    s3->objects["holiday.jpg"] = {"x", "\"s\"", "", ""};
    return true;
  }

  FakeClock clock;
  std::shared_ptr<MemS3> s3 = std::make_shared<MemS3>();
};

constexpr char kHtml[] = "<!DOCTYPE html><html><body>NoSuchKey</body></html>";

HttpAnswer WithTag(HttpAnswer answer) {
  answer.headers.emplace_back("etag", "\"x\"");
  return answer;
}

// What a service, a proxy or a portal may say in place of the object that was asked for.
std::vector<std::pair<const char*, MemS3::Answer>> BadAnswers() {
  HttpAnswer wrong = WithTag(MemS3::Text(200, "other bytes"));
  wrong.headers.emplace_back("x-amz-meta-sha256", std::string(64, '0'));
  return {{"500", MemS3::Error(500, "InternalError")},
          {"503", MemS3::Error(503, "SlowDown")},
          {"502 HTML", MemS3::Text(502, kHtml)},
          {"no bucket", MemS3::Error(404, "NoSuchBucket")},
          {"404 HTML", MemS3::Text(404, kHtml)},
          {"404 empty", MemS3::Text(404, "")},
          {"404 cut", MemS3::Text(404, "<Error><Code>NoSuchKey</Code>")},
          {"404 twice", MemS3::Text(404, "<Error><Code>NoSuchKey</Code></Error><Error/>")},
          {"404 elsewhere", MemS3::Text(404, "<E><Error><Code>NoSuchKey</Code></Error></E>")},
          {"404 of an upload", MemS3::Error(404, "NoSuchUpload")},
          {"403", MemS3::Error(403, "AccessDenied")},
          {"403 with the name", MemS3::Error(403, "NoSuchKey")},
          {"301", MemS3::Error(301, "PermanentRedirect")},
          {"307", MemS3::Text(307, "")},
          {"304", MemS3::Text(304, "")},
          {"204", MemS3::Text(204, "")},
          {"200 empty", MemS3::Text(200, "")},
          {"200 empty, with ETag", WithTag(MemS3::Text(200, ""))},
          {"200 HTML", MemS3::Text(200, kHtml)},
          {"200, an error", MemS3::Error(200, "InternalError")},
          {"200, other bytes", wrong},
          {"cut or silent", Status::Unavailable("http: Transferred a partial file")},
          {"too long", Status(Code::kTooLarge, "http: the answer is too long")}};
}

bool IsOutage(const Status& status) {
  return status.code() == Code::kUnavailable || status.code() == Code::kCorruption;
}
template <typename T>
bool IsOutage(const Result<T>& result) {
  return !result.ok() && IsOutage(result.status());
}

}  // namespace

using namespace storage_cases;  // NOLINT: the cases' own words

TEST_GROUP(MemS3Conforms) { MemS3Fixture fixture; };
STORAGE_CONFORMS(MemS3Conforms)

TEST_GROUP(S3Faults) {
  MemS3Fixture f;
  std::shared_ptr<Storage> s = Fresh(f);
  void Answer(const MemS3::Answer& answer) {
    f.s3->fault = [answer](const MemS3::Asked&, const auto&) { return std::optional(answer); };
  }
};

TEST(S3Faults, NothingElseIsAbsence) {
  Put(*s, Id(), 0, std::string("x"));
  for (const auto& [name, answer] : BadAnswers()) {
    for (const std::shared_ptr<Storage>& each : {s, f.Open()}) {
      Answer(answer);
      CHECK_TEXT(IsOutage(each->Get(Id(), 1)), name);
      CHECK_TEXT(IsOutage(each->Get(Id(), 9)), name);
      CHECK_TEXT(IsOutage(each->GetPrefix(Id(), 9, 10)), name);
      CHECK_TEXT(IsOutage(each->GetNewest(Id())), name);
      CHECK_TEXT(IsOutage(each->GetNewestFront(Id(), 10)), name);
      CHECK_TEXT(IsOutage(each->Head(Id())), name);
      CHECK_TEXT(IsOutage(each->Head(IdOf("other"))), name);
      CHECK_TEXT(IsOutage(each->Versions(Id())), name);
      CHECK_TEXT(IsOutage(each->Settle(Id(), 1)), name);
      CHECK_TEXT(IsOutage(each->GetLegacy(LegacyId())), name);
      CHECK_TEXT(IsOutage(each->LegacyClaim(LegacyId())), name);
      CHECK_TEXT(IsOutage(each->ListUploads()), name);
      CHECK_TEXT(IsOutage(each->Count()), name);
      // 200 with an ETag is how a PUT that was done is answered.
      bool done = answer.ok() && !answer->Header("etag").empty();
      CHECK_TEXT(done || IsOutage(each->Append(Id(), 1, std::string("y"))), name);
      CHECK_TEXT(IsOutage(each->Check()), name);
      f.s3->fault = nullptr;
      LONGS_EQUAL(1, Must(each->GetNewest(Id())).n);  // and it comes back by itself
    }
  }
}

// The same for an object alone, while lists and marker are as they should be.
// A bucket that was emptied, or another one in its place: it may be seen only at this moment.
TEST(S3Faults, AbsenceIsSaidOnlyByAStoreThatIsThere) {
  const std::string legacy(64, 'a');
  Is(Code::kNotFound, s->Get(Id(), 1).status());
  Is(Code::kNotFound, s->GetPrefix(Id(), 1, 10).status());
  Is(Code::kNotFound, s->GetLegacy(legacy).status());
  f.RemoveMarker();
  Is(Code::kUnavailable, s->Get(Id(), 1).status());
  Is(Code::kUnavailable, s->GetPrefix(Id(), 1, 10).status());
  Is(Code::kUnavailable, s->GetLegacy(legacy).status());
}

TEST(S3Faults, NoBadObjectIsAbsence) {
  Put(*s, Id(), 0, std::string("x"));
  for (const auto& [name, answer] : BadAnswers()) {
    for (const std::shared_ptr<Storage>& each : {s, f.Open()}) {
      f.s3->fault = [answer = answer](const MemS3::Asked& asked,
                                      const auto&) -> std::optional<MemS3::Answer> {
        if (asked.key.compare(0, 7, "states/") != 0) return std::nullopt;
        return answer;
      };
      CHECK_TEXT(IsOutage(each->GetNewest(Id())), name);
      CHECK_TEXT(IsOutage(each->Get(Id(), 1)), name);
      f.s3->fault = nullptr;
    }
  }
}

TEST(S3Faults, AWriteWhoseAnswerIsLostIsNotARefusal) {
  // The first try is stored but answered with 500; the repeat finds its own number taken.
  int puts = 0;
  f.s3->fault = [&](const MemS3::Asked& asked, const auto& done) -> std::optional<MemS3::Answer> {
    if (asked.method != "PUT" || asked.key.compare(0, 7, "states/") != 0) return std::nullopt;
    if (++puts > 1) return std::nullopt;
    (void)done();
    return MemS3::Error(500, "InternalError");
  };
  Put(*s, Id(), 0, std::string("x"));
  LONGS_EQUAL(2, puts);
}

TEST(S3Faults, AConflictOfConditionsIsRepeated) {
  int puts = 0;
  f.s3->fault = [&](const MemS3::Asked& asked, const auto&) -> std::optional<MemS3::Answer> {
    if (asked.method != "PUT" || asked.key.compare(0, 7, "states/") != 0) return std::nullopt;
    if (++puts > 2) return std::nullopt;
    return MemS3::Error(409, "ConditionalRequestConflict");
  };
  Put(*s, Id(), 0, std::string("x"));
}

TEST(S3Faults, AServiceWithoutConditionsIsRefused) {
  for (bool MemS3::*condition : {&MemS3::if_none_match, &MemS3::if_match}) {
    (*f.s3).*condition = false;
    std::shared_ptr<Storage> fresh = f.Open();
    Is(Code::kUnavailable, fresh->GetNewest(Id()));
    Is(Code::kUnavailable, fresh->Append(Id(), 0, std::string("x")));
    Is(Code::kUnavailable, fresh->Check());
    CHECK(fresh->Check().detail().find("ignores conditional writes") != std::string::npos);
    (*f.s3).*condition = true;
    Good(fresh->Check());
  }
}

// What is not there is absent only beside the marker, also for who saw the marker a moment ago.
TEST(S3Faults, NothingIsAbsentWithoutMarker) {
  Put(*s, Id(), 0, std::string("x"));
  Is(Code::kNotFound, s->Get(Id(), 7));
  f.RemoveMarker();
  Is(Code::kUnavailable, s->Get(Id(), 7));
  Is(Code::kUnavailable, s->GetPrefix(Id(), 7, 10));
  Is(Code::kUnavailable, s->Settle(Id(), 7));
  Is(Code::kUnavailable, s->Head(IdOf("other")));
  Is(Code::kUnavailable, s->GetNewest(IdOf("other")));
  Is(Code::kUnavailable, s->Versions(IdOf("other")));
  Is(Code::kUnavailable, s->GetLegacy(LegacyId()));
  Is(Code::kUnavailable, s->LegacyClaim(LegacyId()));
  Is(Code::kUnavailable, s->Count());
}

TEST(S3Faults, DamageIsNoticed) {
  Put(*s, Id(), 0, std::string("some bytes"));
  f.s3->objects.at("states/" + Id().hex() + "/00000000000000000001").bytes[3] ^= 1;
  Is(Code::kCorruption, s->GetNewest(Id()));
  Is(Code::kCorruption, f.Open()->Get(Id(), 1));
}

TEST(S3Faults, AnotherMarkerIsNoticed) {
  Put(*s, Id(), 0, std::string("x"));
  StoreIdentity other = Marker();
  other.lock_id = std::string(32, 'e');
  const StoreIdentity marker = Marker();
  Good(f.Open()->WriteIdentity(other, &marker));
  f.clock.Advance(6000);
  Is(Code::kUnavailable, s->GetNewest(Id()));
  Is(Code::kUnavailable, s->Append(Id(), 1, std::string("y")));
}

// A writer that stood still for long, while others wrote and pruned what it is about to write.
TEST(S3Faults, AVeryLateWriteDoesNotWinBelowTheHead) {
  Put(*s, Id(), 0, std::string("one"));
  std::shared_ptr<Storage> other = f.Open();
  f.s3->fault = [&](const MemS3::Asked& asked, const auto&) -> std::optional<MemS3::Answer> {
    if (asked.method != "PUT") return std::nullopt;
    f.s3->fault = nullptr;
    MemS3::Object two = f.s3->objects.at("states/" + Id().hex() + "/00000000000000000001");
    f.s3->objects["states/" + Id().hex() + "/00000000000000000003"] = two;
    f.s3->second = 1;
    f.clock.Advance(2LL * 60 * 60 * 1000);
    return std::nullopt;
  };
  AppendOutcome outcome = Must(s->Append(Id(), 1, std::string("late")));
  CHECK_FALSE(outcome.appended);
  LONGS_EQUAL(3, outcome.n);
  LONGS_EQUAL(3, Must(other->Head(Id())));
}

// The answer to a write came late, and others have built on the record by then.
TEST(S3Faults, ARecordThatOthersBuiltOnStays) {
  Put(*s, Id(), 0, std::string("one"));
  std::shared_ptr<Storage> other = f.Open();
  bool same_second = false;
  f.s3->fault = [&](const MemS3::Asked& asked, const auto& done) -> std::optional<MemS3::Answer> {
    if (asked.method != "PUT" || asked.key.compare(0, 7, "states/") != 0) return std::nullopt;
    f.s3->fault = nullptr;
    f.s3->second = 1;
    const MemS3::Answer answer = done();
    if (!same_second) f.s3->second = 2;
    const std::string state = "states/" + Id().hex() + "/0000000000000000000";
    f.s3->objects[state + "3"] = f.s3->objects.at(state + "2");
    f.s3->objects[state + "3"].second = f.s3->second;
    f.clock.Advance(61 * 1000);
    return answer;
  };
  const auto fault = f.s3->fault;
  AppendOutcome outcome = Must(s->Append(Id(), 1, std::string("slow")));
  CHECK(outcome.appended);
  LONGS_EQUAL(2, outcome.n);
  LONGS_EQUAL(3, Must(s->Head(Id())));
  CHECK(other->Get(Id(), 2).ok());
  // What cannot be told is neither removed nor acknowledged.
  f.s3->objects.erase("states/" + Id().hex() + "/00000000000000000002");
  f.s3->objects.erase("states/" + Id().hex() + "/00000000000000000003");
  same_second = true;
  f.s3->fault = fault;
  Is(Code::kUnavailable, f.Open()->Append(Id(), 1, std::string("slow")));
  CHECK(other->Get(Id(), 2).ok());
}

// A purge or a drop removes it while `rekey` writes it again.
TEST(S3Faults, AnUploadThatIsRemovedWhileItIsReplacedStaysAway) {
  const KeptUpload upload{std::string(32, 'a'), std::string(32, 'b'), Id(), 1, 3};
  for (const std::string& sealed : {std::string("new"), std::string("longer")}) {
    CHECK(s->PutUpload(upload, std::string("old")).ok());
    std::shared_ptr<Storage> other = f.Open();
    f.s3->fault = [&](const MemS3::Asked& asked, const auto&) -> std::optional<MemS3::Answer> {
      if (asked.method != "PUT") return std::nullopt;
      f.s3->fault = nullptr;
      for (auto it = f.s3->objects.begin(); it != f.s3->objects.end();) {
        it = it->first.compare(0, 8, "uploads/") == 0 ? f.s3->objects.erase(it) : std::next(it);
      }
      return std::nullopt;
    };
    Is(Code::kNotFound, s->ReplaceUpload(upload, sealed));
    LONGS_EQUAL(0, Must(other->ListUploads()).size());
  }
}

// One round trip: what is asked goes out together, so at most one question follows another.
TEST(S3Faults, AReadAsksOnceAWriteTwice) {
  Put(*s, Id(), 0, std::string("x"));
  f.s3->log.clear();
  CHECK(Must(s->GetNewest(Id())).n == 1);
  LONGS_EQUAL(2, f.s3->log.size());  // list and object, at the same time
  f.s3->log.clear();
  CHECK(Must(s->GetNewestFront(Id(), 10)).n == 1);
  Put(*s, Id(), 1, std::string("y"));
  LONGS_EQUAL(3, f.s3->log.size());
}

// Each call that is silent keeps a thread of the server until its patience is over.
TEST(S3Faults, ASilentServiceIsAskedNowAndThen) {
  CHECK(f.s3->objects.count("00-stateward-store") == 1);
  bool silent = true;
  f.s3->fault = [&](const MemS3::Asked&, const std::function<MemS3::Answer()>& act) {
    if (!silent) return std::optional<MemS3::Answer>(act());
    f.clock.Advance(10000);
    return std::optional<MemS3::Answer>(Status::Unavailable("http: Timeout was reached"));
  };
  for (int i = 0; i < CircuitBreaker::kFailures; ++i) CHECK(IsOutage(s->Get(Id(), 1)));
  f.s3->log.clear();
  for (int i = 0; i < 20; ++i) {
    const Status status = s->Get(Id(), 1).status();
    CHECK(status.code() == Code::kUnavailable);
  }
  UNSIGNED_LONGS_EQUAL(0, f.s3->log.size());
  f.clock.Advance(CircuitBreaker::kPauseUs / 1000);
  CHECK(IsOutage(s->Get(Id(), 1)));
  UNSIGNED_LONGS_EQUAL(1, f.s3->log.size());
  // It is back.
  silent = false;
  f.clock.Advance(CircuitBreaker::kPauseUs / 1000);
  CHECK(s->Get(Id(), 1).status().code() == Code::kNotFound);
  CHECK(s->Get(Id(), 1).status().code() == Code::kNotFound);
}

// One that refuses at once keeps nobody, and may be back in a moment.
TEST(S3Faults, AServiceThatRefusesIsAskedEachTime) {
  f.s3->fault = [](const MemS3::Asked&, const std::function<MemS3::Answer()>&) {
    return std::optional<MemS3::Answer>(Status::Unavailable("http: Could not connect to server"));
  };
  for (int i = 0; i < 20; ++i) CHECK(IsOutage(s->Get(Id(), 1)));
  f.s3->fault = nullptr;
  CHECK(s->Get(Id(), 1).status().code() == Code::kNotFound);
}

}  // namespace stateward
