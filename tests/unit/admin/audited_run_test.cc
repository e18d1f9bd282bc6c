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

// Else anybody who may come in makes the trail sync for each request.
TEST(AuditedRun, WhatIsRefusedByItsRightsIsNotAnnounced) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Lock("a"));
  const Rights sees{Right::kSee};
  for (const Caller& caller : {Of("net", sees), Of("app", Rights::All())}) {
    const std::vector<std::pair<const char*, std::vector<Given>>> changes = {
        {"delete", {{"state", "net/prod"}}},
        {"rollback", {{"state", "net/prod"}, {"to", "1"}}},
        {"mv", {{"state", "net/prod"}, {"to", "net/other"}}},
        {"unlock", {{"state", "net/prod"}, {"id", "a"}}},
        {"freeze", {{"state", "net/prod"}, {"reason", "r"}}},
        {"uploads drop", {{"upload", "none"}}},
        {"prune", {}}};
    for (const auto& [name, given] : changes) {
      CHECK_FALSE(Run(name, caller, given).ok());
      CHECK_TEXT(trail.noted.back().refusal, name);
      CHECK_TEXT(AuditResult::kRefused == trail.noted.back().result, name);
    }
  }
  // A target that may not be written is a refusal, too.
  CHECK_FALSE(
      Run("mv", Of("net", Rights::All()), {{"state", "net/prod"}, {"to", "app/other"}}).ok());
  UNSIGNED_LONGS_EQUAL(0, trail.intended.size());
  UNSIGNED_LONGS_EQUAL(15, trail.noted.size());
}

// A state that one may not see answers as an absent one, and can be asked for without end.
TEST(AuditedRun, AHiddenStateIsARefusal) {
  Is(Code::kOk, Put(Doc(1)));
  CHECK_FALSE(Run("show", Of("app", Rights::All()), {{"state", "net/prod"}}).ok());
  CHECK_TRUE(trail.noted.back().refusal);
  CHECK_FALSE(Run("show", Of("net", Rights::All()), {{"state", "net/none"}}).ok());
  CHECK_FALSE(trail.noted.back().refusal);
}

// Each announces what it does before it does it.
TEST(AuditedRun, NoOperationChangesAnythingUnannounced) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Put(Doc(2)));
  Is(Code::kConflict, Put(Doc(1)));  // a kept upload
  const std::string upload = storage.ListUploads()->front().content_tag;
  trail.refuses = true;
  size_t changes = 0;
  for (const Operation& row : Operations()) {
    if (row.effect == Effect::kReads) continue;
    ++changes;
    const std::string name(row.name);
    if (name == "unlock") Is(Code::kOk, Lock("a"));
    if (name == "undelete") Is(Code::kOk, Delete());
    const uint64_t head = HeadOf();
    std::vector<Given> given;
    const std::vector<Given> all = {{"state", "net/prod"},      {"glob", "net/*"},
                                    {"reason", "why"},          {"until", "2099-01-01T00:00:00Z"},
                                    {"upload", upload.c_str()}, {"version", "1"}};
    for (const Given& one : all) {
      if (FindParam(row.params, one.name) != nullptr) given.push_back(one);
    }
    if (name == "rollback") given.push_back({"to", "1"});
    if (name == "mv") given.push_back({"to", "net/other"});
    if (name == "unlock") given.push_back({"id", "a"});
    Result<Reply> reply = Run(row.name.data(), root, given);
    CHECK_TEXT(!reply.ok(), row.name.data());
    STRCMP_EQUAL_TEXT("audit: the disk is full", reply.status().detail().c_str(), row.name.data());
    UNSIGNED_LONGS_EQUAL(head, HeadOf());
    UNSIGNED_LONGS_EQUAL(1, Kept());
    CHECK_EQUAL(name == "unlock", Held());
    if (name == "unlock") Is(Code::kOk, Unlock("a"));
  }
  CHECK(changes >= 15);
}

// Who tries to change something at the standby shows in its trail.
TEST(AuditedRun, WhatAStandbyRefusesIsNoted) {
  Is(Code::kOk, Put(Doc(1)));
  rules.read_only = true;
  admin = std::make_unique<AdminService>(
      AdminParts{storage, locker, *kms, gate, *service, clock, rules, UploadRules(), "", &trail});
  CHECK(Code::kConflict == Run("delete", root, {{"state", "net/prod"}}).status().code());
  UNSIGNED_LONGS_EQUAL(1, trail.noted.size());
  STRCMP_EQUAL("delete", trail.noted[0].action.c_str());
  STRCMP_EQUAL("prod", trail.noted[0].name.c_str());
  STRCMP_EQUAL("admin:root", trail.noted[0].principal.c_str());
  CHECK(AuditResult::kRefused == trail.noted[0].result);
  CHECK_TRUE(trail.noted[0].refusal);
  STRCMP_CONTAINS("nothing is changed at this address", trail.noted[0].reason.c_str());
  UNSIGNED_LONGS_EQUAL(0, trail.intended.size());
}

// What a record names is the line that announced it.
TEST(AuditedRun, ARecordNamesItsLine) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Put(Doc(2)));
  RowsOf("rollback", root, {{"state", "net/prod"}, {"to", "1"}});
  const History history = *admin->OpenHistory();
  UNSIGNED_LONGS_EQUAL(7, history.Info(Id(), 3)->version.audit.sequence);
  CHECK_FALSE(trail.intended[0].facts.after.has_value());
  UNSIGNED_LONGS_EQUAL(2, trail.intended[0].facts.before->number);
  RowsOf("mv", root, {{"state", "net/prod"}, {"to", "net/other"}});
  UNSIGNED_LONGS_EQUAL(2, trail.intended.size());
  const StateId other = StateId::Of({"", "net", "other"});
  UNSIGNED_LONGS_EQUAL(7, history.Info(Id(), *storage.Head(Id()))->version.audit.sequence);
  CHECK(*storage.Head(other) > 0);
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
