// What of the audit trail is read for a state's locks, and by how many at once.
#include "admin/lock_trail.h"

#include <memory>
#include <string>

#include "admin/audit_files.h"
#include "unit/admin/admin_fixture.h"
#include "unit/audit/trail_fixture.h"

namespace stateward {

TEST_GROUP_BASE(LockTrail, AdminFixture) {
  TrailFixture trail;

  void setup() override {
    AdminFixture::setup();
    trail.key = *TrailKey(*admin);
    std::unique_ptr<TrailWriter> writer = trail.Open(false);
    for (int i = 0; i < 20; ++i) {
      for (const char* action : {"lock", "unlock"}) {
        AuditEvent event = TrailFixture::Event(action);
        event.lock_id = "lock-" + std::to_string(i);
        writer->Note(event);
      }
    }
    CHECK(writer->Flush().ok());
  }
  void Read(uint64_t most) {
    admin =
        std::make_unique<AdminService>(AdminParts{storage, locker, *kms, gate, *service, clock,
                                                  rules, UploadRules(), trail.file, nullptr, most});
  }
  Result<TrailRead> Add(LockSessions * sessions) {
    return AddLockTrail(*admin, {"", "net", "prod"}, 0, sessions);
  }
};

TEST(LockTrail, OfALongOneTheEndIsRead) {
  Read(UINT64_MAX);
  LockSessions all;
  CHECK(Add(&all)->whole);
  UNSIGNED_LONGS_EQUAL(20, all.all().size());
  Read(3000);
  LockSessions newest;
  CHECK_FALSE(Add(&newest)->whole);
  CHECK(newest.all().size() > 1);
  CHECK(newest.all().size() < 20);
  STRCMP_EQUAL("lock-19", newest.all().front().lock.c_str());
}

TEST(LockTrail, OneReadsItAtATime) {
  Read(UINT64_MAX);
  LockSessions sessions;
  {
    const AdminService::ListTurn turn = admin->TakeTrailTurn();
    CHECK(Add(&sessions).status().code() == Code::kOverloaded);
  }
  CHECK(Add(&sessions).ok());
}

}  // namespace stateward
