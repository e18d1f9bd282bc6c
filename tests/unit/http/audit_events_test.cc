// What the audit trail is told of a release.
#include "http/audit_events.h"

#include <CppUTest/TestHarness.h>

#include <string>

#include "doubles/fake_clock.h"
#include "http/target.h"

namespace stateward {
namespace {

class LastNote : public AuditTrail {
 public:
  bool HasRoom() const override { return true; }
  Status Intend(AuditEvent* event, AuditNeed, AuditHead*) override {
    intended = *event;
    return Status();
  }
  void Note(const AuditEvent& event) override { noted = event; }
  Status Check() const override { return Status(); }
  std::string Warning() const override { return ""; }

  AuditEvent intended;
  AuditEvent noted;
};

}  // namespace

TEST_GROUP(AuditEvents) {
  FakeClock clock;
  LastNote trail;
  HandlerParts parts;

  // What the lines of an UNLOCK by user:ann say: announced, done, and the lock.
  std::string Unlocked(const std::string& named, const StateAnswer& answer) {
    parts.trail = &trail;
    parts.clock = &clock;
    Exchange exchange{};
    std::string allow;
    CHECK(
        MatchRoute(Method::kUnlock, *ParseTarget("/state/net/prod"), {}, &exchange.matched, &allow)
            .ok());
    exchange.principal = exchange.grant.principal = "user:ann";
    const std::string body = named.empty() ? "" : "{\"ID\":\"" + named + "\"}";
    CHECK(AnnounceChange(parts, ByteView(body), &exchange).ok());
    KeepFacts(answer, &exchange);
    exchange.lock_id = answer.lock_id;
    Response response;
    response.status = answer.status.ok() ? 200 : 409;
    NoteRequest(parts, exchange, response, false);
    return trail.intended.action + ", " + trail.noted.action + " " + trail.noted.lock_id;
  }
  static StateAnswer Released(const std::string& id, const std::string& principal) {
    StateAnswer answer;
    answer.lock_id = id;
    answer.released = LockRecord();
    answer.released->id = id;
    answer.released->principal = principal;
    return answer;
  }
};

// tofu's force-unlock names the ID.
TEST(AuditEvents, AReleaseOfAnothersLockIsForced) {
  STRCMP_EQUAL("unlock, unlock a", Unlocked("a", Released("a", "user:ann")).c_str());
  STRCMP_EQUAL("unlock, force unlock a", Unlocked("a", Released("a", "user:bob")).c_str());
  // terraform-backend's name nobody.
  STRCMP_EQUAL("unlock, unlock a", Unlocked("a", Released("a", "")).c_str());
  // An operation's run may go on writing.
  STRCMP_EQUAL("unlock, force unlock change-1",
               Unlocked("change-1", Released("change-1", "user:ann")).c_str());
  STRCMP_EQUAL("force unlock, force unlock a", Unlocked("", Released("a", "user:ann")).c_str());
}

TEST(AuditEvents, WhatFreesNothingIsNot) {
  StateAnswer nothing;
  nothing.lock_id = "a";
  STRCMP_EQUAL("unlock, unlock a", Unlocked("a", nothing).c_str());
  nothing.status = Status(Code::kConflict, "another lock");
  STRCMP_EQUAL("unlock, unlock a", Unlocked("a", nothing).c_str());
  // Asked for by force: without a lock in the line nothing was freed.
  STRCMP_EQUAL("force unlock, force unlock ", Unlocked("", StateAnswer()).c_str());
}

}  // namespace stateward
