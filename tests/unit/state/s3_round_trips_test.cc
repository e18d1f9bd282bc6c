// What each verb costs on S3 with the lock s3 in the steady state (docs/performance.md, "S3").
#include <CppUTest/TestHarness.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "doubles/fake_clock.h"
#include "doubles/mem_s3.h"
#include "lock/s3_lock.h"
#include "storage/s3_storage.h"
#include "unit/state/service_fixture.h"

namespace stateward {
namespace {

using Rounds = std::vector<std::multiset<std::string>>;

// A server of its own, on the one bucket.
class Server {
 public:
  Server(const std::shared_ptr<MemS3>& s3, const Clock& clock)
      : storage_(NewMemS3Client(s3, clock), clock, "locks/"),
        lock_(NewMemS3Client(s3, clock), clock, "locks/") {
    KmsSettings settings;
    settings.key = SecretString("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    kms_ = std::move(*OpenKms(settings));
    CHECK(gate_.Init(false, *kms_).ok());
    service_ = std::make_unique<StateService>(storage_, lock_, *kms_, gate_, clock, observer_, log_,
                                              StateRules());
  }
  StateService& operator*() { return *service_; }
  StateService* operator->() { return service_.get(); }

 private:
  S3Storage storage_;
  S3Lock lock_;
  StoreGate gate_{storage_, lock_};
  CountingObserver observer_;
  const Log log_{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal};
  std::unique_ptr<Kms> kms_;
  std::unique_ptr<StateService> service_;
};

}  // namespace

TEST_GROUP(S3RoundTrips) {
  FakeClock clock;
  std::shared_ptr<MemS3> s3 = std::make_shared<MemS3>();
  BasicAuthenticator basic{NameForTests};
  Grant grant = *basic.Authorize({"basic", SecretString("s")}, {"", "p", "n"}, Verb::kRead);
  uint64_t serial = 0;

  // Nothing else is asked than what `rounds` say, and what stands in one of them is asked at once.
  template <typename Verb>
  void Costs(const Rounds& rounds, const Verb& verb) {
    s3->rounds = rounds;
    verb();
    STRCMP_EQUAL("", s3->unexpected.c_str());
    LONGS_EQUAL(0, s3->rounds->size());
    s3->rounds.reset();
    s3->unexpected.clear();
  }
  std::string id;  // of the lock
  void Lock(Server & server) {
    id = "id-" + std::to_string(++serial);
    const StateAnswer locked = server->Lock(grant, Info(id));
    CHECK(locked.status.ok() && !locked.locked);
  }
  void Get(Server & server) {
    const StateAnswer got = server->Get(grant);
    CHECK(serial == 1 || ByteView(got.document) == ByteView(Doc(serial - 1)));
  }
  void Put(Server & server) { CHECK(server->Put(grant, id, Doc(serial)).status.ok()); }
  void Unlock(Server & server) { CHECK(server->Unlock(grant, Info(id), "").status.ok()); }
  // Takes the lock, and breaks off before its base is stored.
  void HalfTake(Server & server) {
    id = "id-" + std::to_string(++serial);
    int puts = 0;
    s3->fault = [&](const MemS3::Asked& asked, const auto&) -> std::optional<MemS3::Answer> {
      if (MemS3::NameOf(asked) != "PUT lock" || ++puts < 2) return std::nullopt;
      return Status::Unavailable("http: timed out");
    };
    CHECK(server->Lock(grant, Info(id)).status.code() == Code::kUnavailable);
    s3->fault = nullptr;
    CHECK(puts >= 2);
  }
  size_t Records() {
    size_t records = 0;
    for (const auto& [key, object] : s3->objects) records += key.rfind("states/", 0) == 0 ? 1 : 0;
    return records;
  }
  void Cycle(Server & server) {
    Lock(server);
    Get(server);
    Put(server);
    Unlock(server);
  }
};

TEST(S3RoundTrips, OfOneServer) {
  Server server(s3, clock);
  for (int i = 0; i < 5; ++i) Cycle(server);
  for (int i = 0; i < 140; ++i) {  // more than there are released IDs remembered
    Costs({{"PUT lock"}, {"GET gates", "LIST", "GET state"}, {"PUT lock"}}, [&] { Lock(server); });
    Costs({{"LIST", "GET state"}}, [&] { Get(server); });
    Costs({{"GET lock", "LIST", "GET state"}, {"PUT state"}}, [&] { Put(server); });
    Costs({{"PUT lock"}}, [&] { Unlock(server); });
  }
}

// As a balancer might have it: no write is tried in vain.
TEST(S3RoundTrips, OfServersThatTakeTurns) {
  Server one(s3, clock);
  Server two(s3, clock);
  for (int i = 0; i < 8; ++i) Cycle(i % 2 == 0 ? two : one);
  for (int i = 0; i < 6; ++i) {
    Server& locks = i % 2 == 0 ? one : two;
    Server& writes = i % 2 == 0 ? two : one;
    Costs({{"GET lock"}, {"PUT lock"}, {"GET gates", "LIST", "GET state"}, {"PUT lock"}},
          [&] { Lock(locks); });
    // Where the hint of the newest record is an old one, the list comes first.
    Get(writes);
    Costs({{"GET lock", "LIST", "GET state"}, {"PUT state"}}, [&] { Put(writes); });
    if (i < 3) {
      Costs({{"PUT lock"}}, [&] { Unlock(locks); });
    } else {
      Costs({{"GET lock"}, {"PUT lock"}}, [&] { Unlock(writes); });
    }
  }
}

// The note for the next LOCK goes with it.
TEST(S3RoundTrips, OfAForcedRelease) {
  Server mine(s3, clock);
  Server other(s3, clock);
  for (int i = 0; i < 4; ++i) Cycle(i % 2 == 0 ? other : mine);
  const auto unlock = [this](Server& server, const Grant& who) {
    STRCMP_EQUAL(id.c_str(), server->UnlockByForce(who, id).lock_id.c_str());
  };
  Lock(mine);
  Costs({{"PUT lock"}}, [&] { unlock(mine, grant); });
  Lock(mine);
  Costs({{"GET lock"}, {"PUT lock"}}, [&] { unlock(other, grant); });
  // Of somebody else's lock: the first answer says whose it is.
  Grant admin = grant;
  admin.principal = "admin";
  admin.rights = Rights::All();
  Lock(mine);
  Costs({{"GET lock"}, {"GET lock"}, {"PUT lock"}}, [&] { unlock(other, admin); });
}

// Case D1: each write whose PUT never arrives takes a number from it, which may still come.
TEST(S3RoundTrips, AThousandFailedWritesHideNothing) {
  Server server(s3, clock);
  Cycle(server);
  Lock(server);
  CHECK(server->Put(grant, id, Doc(7)).status.ok());
  for (int i = 0; i < 1001; ++i) {
    s3->fault = [&](const MemS3::Asked& asked, const auto&) -> std::optional<MemS3::Answer> {
      if (MemS3::NameOf(asked) != "PUT state") return std::nullopt;
      s3->fault = nullptr;
      return Status::Unavailable("http: timed out");
    };
    CHECK(server->Put(grant, id, Doc(8)).status.code() == Code::kUnavailable);
  }
  CHECK(Records() > 1001);
  s3->log.clear();
  CHECK(ByteView(server->Get(grant).document) == ByteView(Doc(7)));
  CHECK(s3->log.size() <= 4);
  CHECK(server->Put(grant, id, Doc(1, "another")).status.code() == Code::kConflict);
  CHECK(ByteView(Server(s3, clock)->Get(grant).document) == ByteView(Doc(7)));
  CHECK(server->Put(grant, id, Doc(8)).status.ok());
}

// What other servers do between the looks of one write, at any moment of it.
TEST(S3RoundTrips, NoWriteTakesPlaceAfterTheNextSession) {
  for (const char* moment : {"GET lock", "LIST", "GET state", "PUT state"}) {
    s3 = std::make_shared<MemS3>();
    serial = 0;
    Server mine(s3, clock);
    Server other(s3, clock);
    for (int i = 0; i < 5; ++i) Cycle(mine);
    Lock(mine);
    const auto before = s3->objects;
    CHECK(other->Unlock(grant, {}, "").status.ok());  // by force
    const StateAnswer locked = other->Lock(grant, Info("other-" + id));
    CHECK(!locked.locked);
    STRCMP_EQUAL("", locked.status.detail().c_str());
    CHECK(other->Put(grant, "other-" + id, Doc(serial)).status.ok());
    const auto after = s3->objects;
    s3->objects = before;
    s3->fault = [&](const MemS3::Asked& asked, const auto&) -> std::optional<MemS3::Answer> {
      if (MemS3::NameOf(asked) == moment) {
        s3->objects = after;
        s3->fault = nullptr;
      }
      return std::nullopt;
    };
    const StateAnswer refused = mine->Put(grant, id, Doc(serial, "L", "mine"));
    CHECK_TEXT(refused.status.code() == Code::kConflict, moment);
    CHECK_TEXT(!refused.upload.empty(), moment);
    CHECK_TEXT(ByteView(mine->Get(grant).document) == ByteView(Doc(serial)), moment);
  }
}

// A lock that was released is none, whatever this server remembers of it.
TEST(S3RoundTrips, NoWriteTakesPlaceAfterARelease) {
  Server mine(s3, clock);
  Server other(s3, clock);
  for (int i = 0; i < 5; ++i) Cycle(mine);
  Lock(mine);
  CHECK(other->Unlock(grant, Info(id), "").status.ok());
  const StateAnswer refused = mine->Put(grant, id, Doc(serial));
  CHECK(refused.status.code() == Code::kConflict);
  CHECK(!refused.upload.empty());
}

// Before its n-th question of `unlock` a lock that was half taken is asked for again by its client.
TEST(S3RoundTrips, AForcedReleaseTakesItsNumberWheneverTheLockIsRepeated) {
  bool repeated = true;
  for (int n = 1; repeated; ++n) {
    repeated = false;
    s3 = std::make_shared<MemS3>();
    serial = 0;
    Server mine(s3, clock);
    Server other(s3, clock);
    for (int i = 0; i < 2; ++i) Cycle(i == 0 ? other : mine);
    HalfTake(mine);
    int left = n;
    s3->fault = [&](const MemS3::Asked&, const auto&) -> std::optional<MemS3::Answer> {
      if (left == 0 || --left > 0) return std::nullopt;
      repeated = true;
      s3->mutex.unlock();  // the service goes on meanwhile
      (void)mine->Lock(grant, Info(id));
      s3->mutex.lock();
      return std::nullopt;
    };
    const StateAnswer freed = other->UnlockByForce(grant, id);
    s3->fault = nullptr;
    STRCMP_EQUAL("", freed.status.detail().c_str());
    STRCMP_EQUAL(id.c_str(), freed.lock_id.c_str());
    const size_t before = Records();
    Lock(other);
    LONGS_EQUAL(before + 1, Records());
    CHECK(n < 20);
  }
}

// What was written without a lock, pruned or put back meanwhile is what the next session builds on.
TEST(S3RoundTrips, ALockWithoutALookBeginsAtTheNewestRecord) {
  Server mine(s3, clock);
  Server other(s3, clock);
  for (int i = 0; i < 5; ++i) Cycle(mine);
  CHECK(other->Put(grant, "", Doc(++serial)).status.ok());
  s3->objects.erase(s3->objects.lower_bound("states/"));  // the oldest one
  Cycle(mine);
  s3->log.clear();
  Lock(mine);
  for (const MemS3::Asked& asked : s3->log) CHECK(MemS3::NameOf(asked) != "GET lock");
  Put(mine);
}

// Records that are gone are told by the mark, which the next session must not start below.
TEST(S3RoundTrips, ALockWithoutALookNoticesLostRecords) {
  Server mine(s3, clock);
  for (int i = 0; i < 5; ++i) Cycle(mine);
  s3->objects.erase(std::prev(s3->objects.lower_bound("states0")));
  CHECK(mine->Lock(grant, Info("late")).status.code() == Code::kUnavailable);
}

}  // namespace stateward
