#include "admin/audited_run.h"

#include <string>
#include <vector>

#include "unit/admin/admin_fixture.h"

namespace stateward {
namespace {

class FakeTrail : public AuditTrail {
 public:
  bool HasRoom() const override { return true; }
  Status Intend(AuditEvent* event, AuditNeed, AuditHead* head) override {
    if (refuses) return Status::Unavailable("audit: the disk is full");
    intended.push_back(*event);
    head->chain = "0123456789abcdef";
    head->sequence = 7;
    event->intent = 7;
    return Status();
  }
  void Note(const AuditEvent& event) override { noted.push_back(event); }
  std::string Warning() const override { return ""; }

  bool refuses = false;
  std::vector<AuditEvent> intended;
  std::vector<AuditEvent> noted;
};

}  // namespace

TEST_GROUP_BASE(AuditedRun, AdminFixture) {
  FakeTrail trail;
  void setup() override {
    AdminFixture::setup();
    admin = std::make_unique<AdminService>(
        AdminParts{storage, locker, *kms, gate, *service, clock, rules, UploadRules(), "", &trail});
  }
  bool Held() { return RowsOf("locks", root, {}).size() == 1; }
};

TEST(AuditedRun, AChangeIsAnnouncedAndNoted) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Lock("a"));
  RowsOf("unlock", root, {{"state", "net/prod"}, {"yes", "true"}});
  UNSIGNED_LONGS_EQUAL(1, trail.intended.size());
  STRCMP_EQUAL("unlock", trail.intended[0].action.c_str());
  STRCMP_EQUAL("admin:root", trail.intended[0].principal.c_str());
  STRCMP_EQUAL("admin", trail.intended[0].identity.way.c_str());
  STRCMP_EQUAL("prod", trail.intended[0].name.c_str());
  UNSIGNED_LONGS_EQUAL(7, trail.noted.back().intent);
  CHECK(AuditResult::kDone == trail.noted.back().result);
}

TEST(AuditedRun, NothingIsChangedWithoutItsLine) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Lock("a"));
  trail.refuses = true;
  Result<Reply> reply = Run("unlock", root, {{"state", "net/prod"}, {"yes", "true"}});
  CHECK(Code::kUnavailable == reply.status().code());
  CHECK(Held());
}

TEST(AuditedRun, ReadsAndRefusalsAreNotedAtTheirEnd) {
  Is(Code::kOk, Put(Doc(1)));
  RowsOf("show", root, {{"state", "net/prod"}});
  CHECK_FALSE(Run("show", root, {{"state", "net/none"}}).ok());
  UNSIGNED_LONGS_EQUAL(0, trail.intended.size());
  UNSIGNED_LONGS_EQUAL(2, trail.noted.size());
  CHECK(AuditResult::kRefused == trail.noted[1].result);
}

}  // namespace stateward
