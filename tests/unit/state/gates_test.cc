// Maintenance and freeze, as clients meet them.
#include <CppUTest/TestHarness.h>

#include "base/json.h"
#include "state/known_gates.h"
#include "unit/state/service_fixture.h"

namespace stateward {

class GatesFixture : public ServiceFixture {
 public:
  // Shut by another host: nothing here knows of it.
  void Shut(const std::string& pattern, int64_t for_ms = 0) {
    GateSet set = *locker.ReadGates();
    const int64_t now = clock.NowMs();
    set.gates.push_back({pattern, now, for_ms == 0 ? 0 : now + for_ms, "ann", "new router"});
    CHECK(*locker.ExchangeGates(set.tag, set.gates));
  }
  void Open() { CHECK(*locker.ExchangeGates(locker.ReadGates()->tag, {})); }
  // What a 423 shows in the place of an ID; "" = the lock was given.
  std::string Shown(const std::string& id) {
    const StateAnswer answer = service->Lock(grant, Info(id));
    CHECK(answer.status.ok());
    if (!answer.locked) return "";
    return ParseSmallJson(answer.holder)->String("ID").value_or("?");
  }
  void IsForbidden(const StateAnswer& answer) {
    Is(Code::kPermissionDenied, answer.status.code());
    CHECK(answer.hint.find("by ann: new router") != std::string::npos);
  }
};

TEST_GROUP_BASE(Gates, GatesFixture){};

TEST(Gates, LockIsRefusedWithTheSentence) {
  Shut("p/*", 3600000);
  for (int i = 0; i < 2; ++i) {
    const std::string id = Shown("a");
    STRCMP_EQUAL("MAINTENANCE until ", id.substr(0, 18).c_str());
    STRCMP_EQUAL(" UTC by ann: new router", id.substr(id.size() - 23).c_str());
  }
  const StateAnswer answer = service->Lock(grant, Info("a"));
  Result<JsonObject> json = ParseSmallJson(answer.holder);
  STRCMP_EQUAL("ann", json->String("Who")->c_str());
  STRCMP_EQUAL("p/n", json->String("Path")->c_str());
  CHECK(json->String("Info")->find("-lock=false") != std::string::npos);
  grant = As("secret", "other", "n");
  STRCMP_EQUAL("", Shown("a").c_str());
}

TEST(Gates, ItEndsByItselfByTheBackendsClock) {
  Shut("p", 60000);
  CHECK(!Shown("a").empty());
  clock.Advance(59000);
  CHECK(!Shown("a").empty());
  clock.Advance(1000);
  STRCMP_EQUAL("", Shown("a").c_str());
}

TEST(Gates, AFreezeEndsWhenItIsEnded) {
  Shut("p/n");
  STRCMP_EQUAL("FROZEN by ann: new router", Shown("a").c_str());
  clock.Advance(10LL * 365 * 24 * 60 * 60 * 1000);
  STRCMP_EQUAL("FROZEN by ann: new router", Shown("a").c_str());
  Open();
  STRCMP_EQUAL("", Shown("a").c_str());
}

TEST(Gates, TheHolderFromBeforeFinishes) {
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Put(Doc(1), "a"));
  Shut("p/n");
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Put(Doc(2), "a"));
  const StateAnswer other = service->Lock(grant, Info("b"));
  CHECK(other.locked);
  CHECK(other.holder.find("with the lock ID a") != std::string::npos);
  Is(Code::kOk, Unlock("a"));
  Is(Code::kOk, Unlock("a"));  // a repeat
  CHECK(!Shown("b").empty());
  Holds(Doc(2));
}

TEST(Gates, WritesWithoutALockAreRefusedAndKept) {
  Is(Code::kOk, Put(Doc(1)));
  Shut("p/n");
  const StateAnswer answer = service->Put(grant, "", Doc(2));
  Is(Code::kConflict, answer.status.code());
  CHECK(answer.hint.find("FROZEN by ann: new router") != std::string::npos);
  LONGS_EQUAL(1, Kept());
  Is(Code::kConflict, Delete());
  Holds(Doc(1));
  Open();
  Is(Code::kOk, Put(Doc(2)));
}

TEST(Gates, TheSentenceIsNoLockThatCanBeReleased) {
  Is(Code::kOk, Lock("a"));
  Shut("p/n");
  const std::string id = Shown("b");
  IsForbidden(service->Unlock(grant, Info(id), ""));
  Is(Code::kOk, Lock("a"));  // nothing was released
  Is(Code::kOk, Unlock(""));
  IsForbidden(service->Unlock(As("secret", "p", "n"), {}, ""));
  Open();
  Is(Code::kPermissionDenied, service->Unlock(grant, Info(id), "").status.code());
}

TEST(Gates, WhatCannotBeReadIsAnOutage) {
  Is(Code::kOk, Lock("a"));
  Is(Code::kOk, Unlock("a"));
  locker.down = true;
  Is(Code::kUnavailable, Lock("b"));
  Is(Code::kUnavailable, Put(Doc(1)));
}

TEST(Gates, TheLongestIsShown) {
  const StateKey key{"", "p", "n"};
  GateSet set;
  set.gates = {{"p/*", 1, 5000, "a", ""}, {"p/n", 1, 9000, "b", ""}, {"q", 1, 0, "c", ""}};
  STRCMP_EQUAL("b", ShutGate(set, key, 4000)->by.c_str());
  STRCMP_EQUAL("b", ShutGate(set, key, 8999)->by.c_str());
  POINTERS_EQUAL(nullptr, ShutGate(set, key, 9000));
  set.gates[2].pattern = "p";
  STRCMP_EQUAL("c", ShutGate(set, key, 9000)->by.c_str());
}

TEST(Gates, TheDateIsShownOnAnotherDay) {
  const Gate shut{"p", 0, 1795795200000, "ann", "x"};  // 2026-11-27T16:00:00Z
  STRCMP_EQUAL("MAINTENANCE until 16:00 UTC by ann: x", GateSentence(shut, 1795788000000).c_str());
  STRCMP_EQUAL("MAINTENANCE until 2026-11-27 16:00 UTC by ann: x",
               GateSentence(shut, 1795650000000).c_str());
}

}  // namespace stateward
