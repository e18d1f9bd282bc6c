// mv over doubles: runs that were broken off, or stand still, and their repeats.
#include <functional>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "history/forwarding.h"
#include "history/history.h"
#include "unit/admin/change_fixture.h"

namespace stateward {

namespace {

// A move between two addresses that no other has.
struct Way {
  Way(const Caller& root, const std::string& number)
      : from("net/from" + number),
        to("net/to" + number),
        old(GrantOf(root, {"", "net", "from" + number})),
        next(GrantOf(root, {"", "net", "to" + number})),
        given{{"state", from.c_str()}, {"to", to.c_str()}} {}
  Way(const Way&) = delete;
  Way& operator=(const Way&) = delete;

  const std::string from;
  const std::string to;
  const Grant old;
  const Grant next;
  const std::vector<AdminFixture::Given> given;
};

}  // namespace

class MovesAgainFixture : public ChangeFixture {
 public:
  bool BreakOff(const Way& way, int calls) {
    return ChangeFixture::BreakOff(calls, "mv", way.given);
  }
  void FreeLocks(const Way& way) {
    for (const Grant& each : {way.old, way.next}) {
      grant = each;
      const auto view = locker.Look(StateId::Of(grant.key));
      if (view->holder) CHECK(service->Unlock(grant, {}, view->holder->id).status.ok());
    }
  }
  // The move; `what` comes between two calls of the store. *came = false: it has fewer calls.
  Result<Reply> RunWith(const Way& way, int calls, const std::function<void()>& what, bool* came) {
    *came = false;
    std::function<void()> comes = [&] {
      // It would wait for the lock.
      if (locker.in_step) {
        storage.calls_left = 1;
        storage.at_last_call = comes;
        return;
      }
      *came = true;
      what();
    };
    storage.calls_left = calls;
    storage.at_last_call = comes;
    Result<Reply> moved = Run("mv", root, way.given);
    storage.calls_left = 0;
    storage.at_last_call = nullptr;
    return moved;
  }
};

TEST_GROUP_BASE(MovesAgain, MovesAgainFixture){};

// The move is broken off, somebody frees its locks, and a client goes on at one of the addresses: a
// repeat ends it there.
TEST(MovesAgain, AClientMayGoOnAtEitherAddressAfterAMoveThatWasBrokenOff) {
  for (const bool at_the_old : {true, false}) {
    bool whole = false;
    int both = 0;
    for (int calls = 1; !whole; ++calls) {
      CHECK(calls < 400);
      const std::string number = std::to_string(calls) + (at_the_old ? "a" : "b");
      const Way way(root, number);
      grant = way.old;
      ThreeApplies();
      whole = BreakOff(way, calls);
      FreeLocks(way);
      const std::string third(ByteView(State("3", "3")).AsString());
      grant = way.old;
      const bool here = Get() == third;
      grant = way.next;
      if (!here || Get() != third) continue;  // one of them alone is there
      ++both;
      grant = at_the_old ? way.old : way.next;
      Is(Code::kOk, Put(State("4", "4")));
      Is(Code::kOk, Put(State("5", "5")));
      Result<Reply> moved = Run("mv", root, way.given);
      STRCMP_EQUAL("", moved.ok() ? moved->holder.c_str() : moved.status().detail().c_str());
      grant = way.old;
      STRCMP_EQUAL("conflict", Get().c_str());
      LONGS_EQUAL(1, storage.Versions(Id())->size());
      grant = way.next;
      Holds(State("5", "5"));
      CHECK_FALSE(Locked());
      STRCMP_EQUAL("1 2 3 4 5", Story().c_str());
    }
    CHECK(both > 0);
  }
}

// A second run comes between two calls of the first one, and goes to its end: it shares the locks.
TEST(MovesAgain, TwoRunsOfOneMoveLoseNothing) {
  for (const bool late_writes : {false, true}) {
    locker.still = !late_writes;
    bool apart = false;
    for (int calls = 1; !apart; ++calls) {
      CHECK(calls < 400);
      const std::string number = std::to_string(calls) + (late_writes ? "l" : "");
      const Way way(root, number);
      grant = way.old;
      ThreeApplies();
      Is(Code::kConflict, Put(State("2", "refused")));
      bool came = false;
      Result<Reply> first = RunWith(
          way, calls,
          [&] {
            Result<Reply> second = Run("mv", root, way.given);
            STRCMP_EQUAL("",
                         second.ok() ? second->holder.c_str() : second.status().detail().c_str());
          },
          &came);
      apart = !came;
      const std::string said =
          std::to_string(calls) + ": " + (first.ok() ? first->holder : first.status().detail());
      CHECK_TEXT(first.ok() || first.status().code() == Code::kUnavailable, said.c_str());
      CHECK_TEXT(Run("mv", root, way.given).ok(), said.c_str());
      STRCMP_EQUAL_TEXT("conflict", Get().c_str(), said.c_str());
      CHECK_FALSE_TEXT(Locked(), said.c_str());
      grant = way.next;
      Holds(State("3", "3"));
      CHECK_FALSE_TEXT(Locked(), said.c_str());
      STRCMP_EQUAL_TEXT("1 2 3", Story().c_str(), said.c_str());
      LONGS_EQUAL(1, RowsOf("uploads list", root, {{"glob", way.to.c_str()}}).size());
    }
  }
}

namespace {

// A copy of net/prod lies at net/new, as an import of the same state there made it.
void MakeTwin(ChangeFixture& f, bool begun) {
  const History history(f.storage, *f.kms, *f.admin->StoreId());
  const StateKey key{"", "net", "new"};
  const StateId id = StateId::Of(key);
  Result<Opened> newest = history.Open(f.Id(), 3);
  CHECK(newest.ok());
  newest->info.key = key;
  Bytes sealed;
  CHECK(history.Append(id, 0, newest->info, newest->document, &sealed)->appended);
  if (begun) CHECK(f.storage.ClaimLegacy(MoveClaim(id), f.Id()).ok());
}

}  // namespace

TEST(MovesAgain, ATwinIsNoCopy) {
  ThreeApplies();
  MakeTwin(*this, false);
  Result<Reply> moved = Run("mv", root, With({{"to", "net/new"}}));
  CHECK_FALSE(moved.ok());
  STRCMP_EQUAL("there is a state net/new already", moved.status().detail().c_str());
  LONGS_EQUAL(3, storage.Versions(Id())->size());
  CHECK_FALSE(Locked());
}

TEST(MovesAgain, AnAddressOfAnotherMoveStaysFreeOfLocks) {
  ThreeApplies();
  MakeTwin(*this, false);
  CHECK(storage
            .ClaimLegacy(MoveClaim(StateId::Of({"", "net", "new"})),
                         StateId::Of({"", "net", "third"}))
            .ok());
  CHECK_FALSE(Run("mv", root, With({{"to", "net/new"}})).ok());
  CHECK_FALSE(Locked());
  grant = GrantOf(root, {"", "net", "new"});
  CHECK_FALSE(Locked());
}

// The lock is forced while a move copies, and somebody else's state comes to the new address.
TEST(MovesAgain, AnothersStateAtTheNewAddressIsNotForwardedTo) {
  ThreeApplies();
  MakeTwin(*this, true);
  const Grant old = grant;
  grant = GrantOf(root, {"", "net", "new"});
  Is(Code::kOk, Delete());
  Is(Code::kOk, Put(State("1", "another", "other")));
  grant = old;
  CHECK_FALSE(Run("mv", root, With({{"to", "net/new"}})).ok());
  Holds(State("3", "3"));
  LONGS_EQUAL(3, storage.Versions(Id())->size());
  // Nor are the copies left to those who may read what is there now.
  grant = GrantOf(root, {"", "net", "new"});
  Holds(State("1", "another", "other"));
  const History history(storage, *kms, *admin->StoreId());
  Result<Opened> copy = history.Open(Id(), 1);
  CHECK(copy.ok() && copy->info.version.kind == RecordKind::kNoOp && copy->document.empty());
}

TEST(MovesAgain, WhatWasPurgedOrPinnedSinceIsSoAtTheNewAddress) {
  bool whole = false;
  int both = 0;
  for (int calls = 1; !whole; ++calls) {
    CHECK(calls < 400);
    const std::string number = std::to_string(calls);
    const Way way(root, number);
    grant = way.old;
    ThreeApplies();
    whole = BreakOff(way, calls);
    if (whole || Get() == "conflict") continue;
    FreeLocks(way);
    const std::vector<Given> first = {{"state", way.from.c_str()}, {"version", "1"}};
    std::vector<Given> purge = first;
    purge.push_back({"reason", "a password"});
    Result<Reply> gone = Run("purge", root, purge);
    STRCMP_EQUAL("", gone.ok() ? gone->holder.c_str() : gone.status().detail().c_str());
    CHECK(Run("pin", root, {{"state", way.from.c_str()}, {"version", "2"}}).ok());
    CHECK(Run("mv", root, way.given).ok());
    ++both;
    grant = way.next;
    Holds(State("3", "3"));
    const History history(storage, *kms, *admin->StoreId());
    Result<SealedInfo> purged = history.Info(Id(), 1);
    CHECK(purged.ok() && purged->version.kind == RecordKind::kPurged);
    Result<SealedInfo> pinned = history.Info(Id(), 2);
    CHECK(pinned.ok() && pinned->version.pinned);
  }
  CHECK(both > 0);
}

// A run stands still anywhere while another one ends the move, and a client goes on: pins, writes.
TEST(MovesAgain, ARunThatStoodStillTakesNothingAway) {
  bool apart = false;
  for (int calls = 1; !apart; ++calls) {
    CHECK(calls < 400);
    const std::string number = std::to_string(calls);
    const Way way(root, number);
    grant = way.old;
    ThreeApplies();
    bool pinned = false;
    bool came = false;
    Result<Reply> first = RunWith(
        way, calls,
        [&] {
          // Not when it forwards already.
          pinned = Run("pin", root, {{"state", way.from.c_str()}, {"version", "1"}}).ok();
          CHECK(Run("mv", root, way.given).ok());
          CHECK(Run("pin", root, {{"state", way.to.c_str()}, {"version", "4"}}).ok());
          grant = way.next;
          Is(Code::kOk, Put(State("4", "4")));
          grant = way.old;
        },
        &came);
    apart = !came;
    if (apart) break;
    const std::string said =
        std::to_string(calls) + ": " + (first.ok() ? first->holder : first.status().detail());
    CHECK_TEXT(Run("mv", root, way.given).ok(), said.c_str());
    STRCMP_EQUAL_TEXT("conflict", Get().c_str(), said.c_str());
    grant = way.next;
    CHECK_FALSE_TEXT(Locked(), said.c_str());
    Holds(State("4", "4"));
    STRCMP_EQUAL_TEXT(pinned ? "1! 2 3! 4" : "1 2 3! 4", Story().c_str(), said.c_str());
  }
}

// Its lock is forced anywhere on the way, and a client writes to the new address. It went on from
// the copy, or there is no copy below.
TEST(MovesAgain, WhatAClientWroteAtTheNewAddressHidesNothing) {
  bool apart = false;
  for (int calls = 1; !apart; ++calls) {
    CHECK(calls < 400);
    const std::string number = std::to_string(calls);
    const Way way(root, number);
    grant = way.old;
    ThreeApplies();
    bool came = false;
    (void)RunWith(
        way, calls,
        [&] {
          grant = way.next;
          Is(Code::kOk, Unlock(""));
          Is(Code::kOk, Put(State("7", "another")));
          grant = way.old;
        },
        &came);
    apart = !came;
    if (apart) break;
    const bool moved = Run("mv", root, way.given).ok();
    const std::string said = std::to_string(calls) + (moved ? " moved" : " stays");
    grant = way.next;
    Holds(State("7", "another"));
    bool below = false;
    const History history(storage, *kms, *admin->StoreId());
    const std::vector<uint64_t> numbers = *storage.Versions(Id());
    for (uint64_t n : numbers) {
      Result<SealedInfo> info = history.Info(Id(), n);
      below = below || (info.ok() && info->version.serial == 3);
    }
    CHECK_EQUAL_TEXT(moved, below, said.c_str());
    grant = way.old;
    if (!moved) Holds(State("3", "3"));
  }
}

TEST(MovesAgain, PlacesThatWerePrunedOrDamagedAreMadeAgain) {
  bool whole = false;
  int pruned = 0;
  for (int calls = 1; !whole; ++calls) {
    CHECK(calls < 800);
    const bool damages = calls % 2 == 0;
    const std::string number = std::to_string(calls);
    const Way way(root, number);
    grant = way.old;
    ThreeApplies();
    whole = BreakOff(way, (calls + 1) / 2);
    grant = way.next;
    if (whole || *storage.Head(Id()) < 2 || Get() != "not_found") continue;
    if (damages) storage.DamageFront(Id(), 1);
    if (!damages) CHECK(storage.Prune(Id(), 1).ok());
    ++pruned;
    Result<Reply> moved = Run("mv", root, way.given);
    STRCMP_EQUAL("", moved.ok() ? moved->holder.c_str() : moved.status().detail().c_str());
    Holds(State("3", "3"));
    if (damages) CHECK(storage.Prune(Id(), 1).ok());
    STRCMP_EQUAL("1 2 3", Story().c_str());
    CHECK_FALSE(Locked());
  }
  CHECK(pruned > 0);
}

// What lies at the new address is another life of the old one, which was deleted and begun anew.
TEST(MovesAgain, ALivingCopyAtTheNewAddressIsNotBlanked) {
  ThreeApplies();
  MakeTwin(*this, true);
  Is(Code::kOk, Delete());
  Is(Code::kOk, Put(State("1", "again", "other")));
  CHECK_FALSE(Run("mv", root, With({{"to", "net/new"}})).ok());
  grant = GrantOf(root, {"", "net", "new"});
  Holds(State("3", "3"));
}

}  // namespace stateward
