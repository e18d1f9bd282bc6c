#include "admin/audited_run.h"

#include <string>
#include <vector>

#include "base/state_name.h"
#include "kms/key_text.h"
#include "kms/open_kms.h"
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
  Status Check() const override { return Status(); }
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

// What is announced is not known to be one yet.
TEST(AuditedRun, AReleaseThatWasForcedSaysSo) {
  Is(Code::kOk, Put(Doc(1)));
  const auto done = [this](Given how) {
    RowsOf("unlock", root, {{"state", "net/prod"}, how});
    return trail.noted.back().action + " " + trail.noted.back().lock_id;
  };
  STRCMP_EQUAL("unlock never", done({"id", "never"}).c_str());
  STRCMP_EQUAL("unlock ", done({"yes", "true"}).c_str());
  Is(Code::kOk, Lock("a"));
  STRCMP_EQUAL("force unlock a", done({"id", "a"}).c_str());
  STRCMP_EQUAL("unlock", trail.intended.back().action.c_str());
  STRCMP_EQUAL("unlock a", done({"id", "a"}).c_str());  // a repeat frees nothing
  Is(Code::kOk, Lock("b"));
  CHECK_FALSE(Run("unlock", root, {{"state", "net/prod"}, {"id", "other"}}).ok());
  STRCMP_EQUAL("unlock", trail.noted.back().action.c_str());
  STRCMP_EQUAL("force unlock b", done({"yes", "true"}).c_str());
}

TEST(AuditedRun, ADryRunIsNoChange) {
  for (int serial = 1; serial <= 2; ++serial) Is(Code::kOk, Put(Doc(serial)));
  RowsOf("rollback", root, {{"state", "net/prod"}, {"to", "1"}, {"dry-run", "true"}});
  UNSIGNED_LONGS_EQUAL(0, trail.intended.size());
  STRCMP_EQUAL("rollback --dry-run", trail.noted.back().action.c_str());
  RowsOf("rollback", root, {{"state", "net/prod"}, {"to", "1"}});
  UNSIGNED_LONGS_EQUAL(1, trail.intended.size());
  STRCMP_EQUAL("rollback", trail.noted.back().action.c_str());
}

TEST(AuditedRun, ALineSaysWhatTheClientProtocolsSay) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Put(Doc(2)));
  Caller ann = Of("net", Rights::All());
  ann.request_id = "r1";
  ann.traceparent = "t1";
  ann.http_status = [](Code code) { return code == Code::kOk ? 200 : 423; };
  ann.identity = [](const StateKey& key) {
    AuditIdentity identity;
    identity.rule = "rule of " + StateText(key);
    return identity;
  };
  RowsOf("rollback", ann, {{"state", "net/prod"}, {"to", "1"}, {"reason", "oops"}});
  const AuditEvent done = trail.noted.back();
  STRCMP_EQUAL("rule of net/prod", done.identity.rule.c_str());
  STRCMP_EQUAL("rule of net/prod", trail.intended.back().identity.rule.c_str());
  STRCMP_EQUAL("t1", done.traceparent.c_str());
  STRCMP_EQUAL("oops", done.reason.c_str());
  LONGS_EQUAL(200, done.status);
  CHECK_FALSE(done.lock_id.empty());
  UNSIGNED_LONGS_EQUAL(2, done.facts.before->number);
  UNSIGNED_LONGS_EQUAL(2, done.facts.before->serial);
  UNSIGNED_LONGS_EQUAL(3, done.facts.after->number);
  UNSIGNED_LONGS_EQUAL(3, done.facts.after->serial);
  // Of what is read: the version that was.
  CHECK(Run("get", ann, {{"state", "net/prod"}, {"version", "1"}}).ok());
  UNSIGNED_LONGS_EQUAL(1, trail.noted.back().facts.after->number);
  // Somebody works on it.
  Is(Code::kOk, Lock("a"));
  CHECK(Run("rollback", ann, {{"state", "net/prod"}, {"to", "2"}}).ok());
  CHECK(AuditResult::kRefused == trail.noted.back().result);
  LONGS_EQUAL(423, trail.noted.back().status);
  STRCMP_EQUAL("locked by another", trail.noted.back().reason.c_str());
}

TEST(AuditedRun, AStoresRefusalIsNoted) {
  CHECK_FALSE(Run("status", Of("net", Rights::All()), {}).ok());
  UNSIGNED_LONGS_EQUAL(1, trail.noted.size());
  CHECK(AuditResult::kRefused == trail.noted[0].result);
  CHECK_TRUE(trail.noted[0].refusal);
}

// Another host may have the key: nothing was decided, as with a service that is away.
TEST(AuditedRun, WhatNeedsAKeyThatIsNotHereFailed) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Put(Doc(2)));
  KmsSettings others;
  others.key = NewKeyText();
  const std::unique_ptr<Kms> other = std::move(*OpenKms(others));
  admin = std::make_unique<AdminService>(
      AdminParts{storage, locker, *other, gate, *service, clock, rules, UploadRules(), "", &trail});
  CHECK(Run("get", root, {{"state", "net/prod"}}).status().code() == Code::kUnknownKey);
  CHECK(AuditResult::kFailed == trail.noted.back().result);
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
