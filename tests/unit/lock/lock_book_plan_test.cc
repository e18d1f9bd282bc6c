#include <CppUTest/TestHarness.h>

#include <string>
#include <variant>

#include "lock/lock_record.h"
#include "lock/plan_lock.h"

namespace stateward {
namespace {

constexpr int64_t kHold = 60000;

LockRecord Plan(const std::string& id, const std::string& principal = "alice") {
  LockRecord record;
  record.id = id;
  record.principal = principal;
  record.operation = "OperationTypePlan";
  record.info = "{\"ID\":\"" + id + "\",\"Who\":\"" + principal + "@host\"}";
  record.shared = true;
  return record;
}

LockRecord Writer(const std::string& id, const std::string& principal = "ann",
                  int64_t hold_ms = kHold) {
  LockRecord record;
  record.id = id;
  record.principal = principal;
  record.operation = "OperationTypeApply";
  record.hold_plans_ms = hold_ms;
  return record;
}

}  // namespace

TEST_GROUP(LockBookPlan) {
  LockBook book;

  bool Try(const LockRecord& want, int64_t now_ms) {
    AcquireOutcome outcome = DecideAcquire(book, want, now_ms);
    if (std::holds_alternative<HeldBy>(outcome)) NoteWaiting(&book, want, now_ms);
    const auto* granted = std::get_if<Granted>(&outcome);
    if (granted != nullptr && !granted->repeated) Take(&book, want, now_ms);
    return granted != nullptr;
  }
  HeldBy Refused(const LockRecord& want, int64_t now_ms) {
    AcquireOutcome outcome = DecideAcquire(book, want, now_ms);
    CHECK(std::holds_alternative<HeldBy>(outcome));
    NoteWaiting(&book, want, now_ms);
    return std::get<HeldBy>(outcome);
  }
  bool Frees(const ReleaseRequest& request, int64_t now_ms) {
    return std::holds_alternative<Released>(Release(&book, request, now_ms));
  }
};

TEST(LockBookPlan, PlansShareAndKeepAWriterOut) {
  CHECK(Try(Plan("p"), 1));
  CHECK(Try(Plan("q", "bob"), 2));
  CHECK(std::get<Granted>(DecideAcquire(book, Plan("p"), 3)).repeated);
  CHECK_FALSE(Try(Plan("p", "bob"), 3));
  const HeldBy held = Refused(Writer("w", "ann", 0), 3);
  STRCMP_EQUAL("p", held.holder.id.c_str());
  LONGS_EQUAL(2, held.plans.size());
  LONGS_EQUAL(0, held.plans_from_ms);
  CHECK(book.waiting.empty());
  CHECK(Frees({"p", "alice"}, 4) && Frees({"q", "bob"}, 4));
  CHECK(Try(Writer("w"), 5));
  STRCMP_EQUAL("w", Refused(Plan("r"), 6).holder.id.c_str());
  CHECK(std::holds_alternative<WasReleased>(DecideAcquire(book, Plan("p"), 7)));
}

TEST(LockBookPlan, APlanIsNoLockForAWriter) {
  CHECK(Try(Plan("p"), 1));
  LockRecord apply = Writer("p", "alice");
  STRCMP_EQUAL("p", Refused(apply, 2).holder.id.c_str());
  CHECK(book.waiting.empty());
  // A server that does not share plans: the client repeats the LOCK of its plan there.
  apply.operation = "OperationTypePlan";
  CHECK(Try(apply, 3));
  apply.operation = "OperationTypeApply";
  apply.plan_only = true;
  CHECK(Try(apply, 3));
}

TEST(LockBookPlan, MoreThanTheMostWait) {
  for (size_t i = 0; i < kMaxPlanLocks; ++i) CHECK(Try(Plan(std::to_string(i)), 1));
  LONGS_EQUAL(kMaxPlanLocks, Refused(Plan("more"), 2).plans.size());
  CHECK(Try(Plan("7"), 2));
  CHECK(Frees({"7", "alice"}, 3));
  CHECK(Try(Plan("more"), 3));
}

TEST(LockBookPlan, AWaitingWriterHoldsPlansBackUntilItWasThere) {
  CHECK(Try(Plan("p"), 0));
  CHECK_FALSE(Try(Writer("w"), 1000));
  const HeldBy held = Refused(Plan("q"), 2000);
  STRCMP_EQUAL("w", held.holder.id.c_str());
  STRCMP_EQUAL("ann", held.holder.principal.c_str());
  LONGS_EQUAL(1000 + kWriterGoneMs, held.plans_from_ms);
  LONGS_EQUAL(1, held.plans.size());
  CHECK(Try(Plan("p"), 2000));  // who is in may repeat
  CHECK(Frees({"p", "alice"}, 3000));
  STRCMP_EQUAL("w", Refused(Plan("q"), 3000).holder.id.c_str());
  CHECK(Try(Writer("w"), 4000));
  CHECK(Frees({"w", "ann"}, 5000));
  CHECK(Try(Plan("q"), 5000));
  // It was there: the same principal may wait again at once.
  CHECK_FALSE(Try(Writer("w2"), 6000));
  CHECK_FALSE(Try(Plan("r"), 6001));
}

TEST(LockBookPlan, AWriterThatAsksNoMoreHoldsNothingBack) {
  CHECK(Try(Plan("p"), 0));
  CHECK_FALSE(Try(Writer("w"), 0));
  CHECK_FALSE(Try(Plan("q"), kWriterGoneMs - 1));
  CHECK_FALSE(Try(Writer("w"), kWriterGoneMs - 1));
  CHECK_FALSE(Try(Plan("q"), 2 * kWriterGoneMs - 2));
  CHECK(Try(Plan("q"), 2 * kWriterGoneMs - 1));
}

TEST(LockBookPlan, AWriterHoldsThemBackForItsTimeAndThenPlansHaveAsLong) {
  CHECK(Try(Plan("p"), 0));
  int64_t now = 0;
  for (; now < kHold; now += 10000) {
    CHECK_FALSE(Try(Writer("w"), now));
    CHECK_FALSE(Try(Plan("q"), now + 1));
  }
  CHECK(Try(Plan("q"), kHold));
  for (; now < 2 * kHold; now += 10000) {
    CHECK_FALSE(Try(Writer("w"), now));
    CHECK_FALSE(Try(Writer("w2"), now));
    CHECK(Try(Plan("r" + std::to_string(now)), now + 1));
  }
  CHECK_FALSE(Try(Writer("w"), 2 * kHold));
  CHECK_FALSE(Try(Plan("s"), 2 * kHold + 1));
}

// An apply without -lock-timeout that is started every 10 s has a new ID each time.
TEST(LockBookPlan, AnotherIdOfThePrincipalHoldsNothingBackForLonger) {
  CHECK(Try(Plan("p"), 0));
  int64_t kept_out = 0;
  const int64_t round = kWriterGoneMs + kHold;
  for (int64_t now = 0; now < 5 * round; now += 10000) {
    CHECK_FALSE(Try(Writer("w" + std::to_string(now)), now));
    if (!Try(Plan("q" + std::to_string(now)), now + 1)) kept_out += 10000;
  }
  LONGS_EQUAL(5 * kWriterGoneMs, kept_out);
}

TEST(LockBookPlan, WritersOfOthersWaitForThemselves) {
  CHECK(Try(Plan("p"), 0));
  CHECK_FALSE(Try(Writer("w", "ann"), 0));
  CHECK_FALSE(Try(Writer("v", "bob"), 10000));
  STRCMP_EQUAL("v", Refused(Plan("q"), 15000).holder.id.c_str());
  CHECK(Frees({"p", "alice"}, 15000));
  CHECK(Try(Writer("v", "bob"), 16000));
  CHECK(Frees({"v", "bob"}, 17000));
  STRCMP_EQUAL("w", Refused(Plan("q"), 17000).holder.id.c_str());
  CHECK(Try(Plan("q"), kWriterGoneMs));
  for (size_t i = 0; i < kMaxWaitingWriters + 2; ++i) {
    CHECK_FALSE(Try(Writer("x" + std::to_string(i), "many-" + std::to_string(i)), 30000));
  }
  LONGS_EQUAL(kMaxWaitingWriters, book.waiting.size());
}

TEST(LockBookPlan, AClockThatWasSetBackHoldsNothingBack) {
  CHECK(Try(Plan("p"), 1000000));
  CHECK_FALSE(Try(Writer("w"), 1000000));
  CHECK_FALSE(Try(Plan("q"), 999000));  // within the clock's grain
  CHECK(Try(Plan("q"), 500000));
  CHECK_FALSE(Try(Writer("w"), 500000));
  CHECK_FALSE(Try(Plan("r"), 500001));
}

TEST(LockBookPlan, AnEmptyReleaseFreesOnesOwnOrAll) {
  for (const char* id : {"p", "q"}) CHECK(Try(Plan(id), 1));
  CHECK(Try(Plan("r", "bob"), 1));
  ReleaseRequest own{"", "carol"};
  own.own_plans = true;
  CHECK(std::holds_alternative<HeldBy>(Release(&book, own, 2)));
  own.principal = "alice";
  ReleaseOutcome outcome = Release(&book, own, 3);
  LONGS_EQUAL(2, std::get<Released>(outcome).plans.size());
  LONGS_EQUAL(1, book.plans.size());
  LONGS_EQUAL(2, book.releases);
  CHECK_FALSE(book.burn);  // a plan writes nothing that could come late
  // The repeat frees no plan that was taken since.
  CHECK(std::holds_alternative<NotHeld>(Release(&book, own, 4)));
  CHECK(Try(Plan("s"), 5));
  LONGS_EQUAL(kForceRepeatMs + 3, std::get<HeldBy>(Release(&book, own, 6)).freed_from_ms);
  outcome = Release(&book, {"", "admin"}, 7);
  LONGS_EQUAL(2, std::get<Released>(outcome).plans.size());
  CHECK(book.plans.empty());
  CHECK(std::holds_alternative<NotHeld>(Release(&book, {"", "admin"}, 8)));
  CHECK(std::holds_alternative<WasReleased>(DecideAcquire(book, Plan("q"), 9)));
  // Asked for by one who saw plans: whoever took the lock since keeps it.
  CHECK(Try(Writer("w"), 10));
  own.principal = "ann";
  CHECK(std::holds_alternative<HeldBy>(Release(&book, own, 11)));
}

TEST(LockBookPlan, AReleaseByItsIdNeedsItsPrincipalOrAny) {
  CHECK(Try(Plan("p"), 1));
  CHECK(Try(Plan("q"), 1));
  STRCMP_EQUAL("q", std::get<HeldBy>(Release(&book, {"q", "bob"}, 2)).holder.id.c_str());
  STRCMP_EQUAL("p", std::get<HeldBy>(Release(&book, {"x", "bob"}, 2)).holder.id.c_str());
  CHECK(Frees({"q", "bob", true}, 3));
  CHECK(book.released.back().forced);
  CHECK_FALSE(book.last_forced.has_value());
  // "p" was there before: bob's empty release is no repeat of the one by ID.
  CHECK(Frees({"", "bob"}, 4));
}

TEST(LockBookPlan, TheFirstPlanAfterAForcedReleaseBurns) {
  CHECK(Try(Writer("w"), 1));
  CHECK(Frees({"", "bob"}, 2));
  CHECK(book.burn);
  LockRecord plan = Plan("p");
  plan.base = 9;  // the head that was read for it
  CHECK(Try(plan, 3));
  CHECK_FALSE(book.burn);
  LONGS_EQUAL(9, book.mark);
}

TEST(LockBookPlan, TokensOfPlansAreRemembered) {
  LockRecord plan = Plan("p");
  plan.token_sha256 = std::string(64, 'b');
  CHECK(Try(plan, 1));
  CHECK(Frees({"p", "alice"}, 2));
  CHECK(TokenReleased(book, plan.token_sha256, 3));
}

TEST(LockBookPlan, WhatIsKeptOfAPlanComesBackAndHasRoom) {
  LockRecord plan = Plan(std::string(128, 'i'), std::string(1024, 'p'));
  plan.info = "{\"Who\":\"" + std::string(4000, 'w') + "\"}";
  plan.token_sha256 = std::string(64, 'a');
  plan.plan_only = true;
  for (size_t i = 0; i < kMaxPlanLocks; ++i) Take(&book, plan, 1234);
  const LockRecord& kept = book.plans.front();
  LONGS_EQUAL(64, kept.principal.size());
  CHECK(IsHeldBy(kept, plan.principal));
  CHECK_FALSE(IsHeldBy(kept, std::string(1023, 'p') + "q"));
  CHECK_FALSE(IsHeldBy(kept, kept.principal));
  LONGS_EQUAL(kPlanLockBytes * kMaxPlanLocks, EncodePlans(book.plans).size());
  for (size_t i = 0; i < kMaxWaitingWriters; ++i) {
    book.waiting.push_back({std::string(128, 'w'), std::string(64, 'p'), 1, 2, 3});
  }
  book.last_forced = ForcedRelease{std::string(1024, 'f'), 1};
  for (size_t i = 0; i < kReleasedIdsKept; ++i) book.tags += "tags";
  book.releases = kReleasedIdsKept;
  book.mark = 1;
  const Bytes bytes = EncodeLockRecord(book);
  CHECK(bytes.size() <= kMaxLockRecord);
  Result<LockBook> back = DecodeLockRecord(bytes);
  CHECK(back.ok());
  CHECK(EncodeLockRecord(*back) == bytes);
  const LockRecord& one = back->plans.back();
  CHECK(one.shared && one.plan_only && one.id == plan.id && one.principal == kept.principal);
  CHECK(one.info == kept.info && one.token_sha256 == plan.token_sha256);
  LONGS_EQUAL(1234, one.time_ms);
  LONGS_EQUAL(kMaxWaitingWriters, back->waiting.size());
}

TEST(LockBookPlan, DamagedPlansAreNoRecord) {
  Take(&book, Plan("p"), 1);
  const Bytes plans = EncodePlans(book.plans);
  std::vector<LockRecord> out;
  for (size_t n = 1; n < plans.size(); ++n) {
    CHECK_FALSE(DecodePlans(ByteView(plans).Sub(0, n), &out));
  }
  NoteWaiting(&book, Writer("w"), 1);
  const Bytes waiting = EncodeWaiting(book.waiting);
  std::vector<WaitingWriter> writers;
  for (size_t n = 1; n < waiting.size(); ++n) {
    CHECK_FALSE(DecodeWaiting(ByteView(waiting).Sub(0, n), &writers));
  }
  book.holder = Writer("w");  // both at once
  CHECK_FALSE(DecodeLockRecord(EncodeLockRecord(book)).ok());
}

TEST(LockBookPlan, NamesAreCutBetweenCharacters) {
  std::string name;
  for (int i = 0; i < 40; ++i) name += "\xc3\xa9";
  LockRecord plan = Plan("p", name);
  Take(&book, plan, 1);
  LONGS_EQUAL(64, book.plans.front().principal.size());
  CHECK(book.plans.front().principal.substr(0, 2) == "\xc3\xa9");
  CHECK(IsHeldBy(book.plans.front(), name));
  STRCMP_EQUAL(std::string(63, 'x').c_str(), KeptPrincipal(std::string(63, 'x')).c_str());
}

}  // namespace stateward
