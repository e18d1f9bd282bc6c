#include "admin/lock_sessions.h"

#include <CppUTest/TestHarness.h>

namespace stateward {
namespace {

VersionInfo Version(const std::string& lock, const std::string& writer = "ann") {
  VersionInfo info;
  info.lock_id = lock;
  info.writer = writer;
  info.operation = "OperationTypeApply";
  return info;
}

LockRecord Holder(const std::string& id) {
  LockRecord record;
  record.id = id;
  record.principal = "ann";
  record.time_ms = 77;
  return record;
}

}  // namespace

TEST_GROUP(LockSessions) {
  LockSessions sessions;

  // "ID by PRINCIPAL SINCE-UNTIL END ENDED_BY REASON VERSIONS", a line each.
  void Are(const char* want) {
    std::string text;
    for (const LockSession& s : sessions.all()) {
      text += s.lock + " " + s.principal + " " + std::to_string(s.since_ms) + "-" +
              std::to_string(s.until_ms) + " " + s.end + " " + s.ended_by + "/" + s.reason + " " +
              std::to_string(s.versions) + "\n";
    }
    STRCMP_EQUAL(want, text.c_str());
  }
};

TEST(LockSessions, EachEndIsTold) {
  sessions.Add({"lock", "a", "ann", "", 1});
  sessions.Add({"lock", "a", "ann", "", 2});  // a repeat
  sessions.Add({"unlock", "a", "ann", "", 3});
  sessions.Add({"unlock", "a", "ann", "", 4});  // a repeat
  sessions.Add({"lock", "b", "ann", "", 5});
  sessions.Add({"unlock", "b", "root", "run is gone", 6});
  sessions.Add({"lock", "c", "bob", "", 7});
  sessions.Add({"force unlock", "c", "bob", "", 8});
  sessions.Add({"lock", "d", "bob", "", 9});
  sessions.Add({"unlock", "", "root", "", 10});
  sessions.Add({"lock", "e", "bob", "", 11});
  sessions.Add({"unlock", "x", "bob", "", 12});  // a lock of before
  sessions.Add(Version("b"));
  sessions.Add(Version("b"));
  sessions.End({}, 0);
  Are("e bob 11-0 unknown / 0\n"
      "d bob 9-10 forced root/ 0\n"
      "c bob 7-8 forced bob/ 0\n"
      "b ann 5-6 forced root/run is gone 2\n"
      "a ann 1-3 released / 0\n");
}

TEST(LockSessions, AForcedReleaseIsToldWhoeverSawTheLock) {
  sessions.Add({"force unlock", "a", "bob", "", 3});  // another host's trail has its LOCK
  sessions.Add({"force unlock", "a", "bob", "", 4});  // a repeat
  sessions.Add({"lock", "b", "ann", "", 5});
  sessions.Add({"force unlock", "c", "bob", "", 6});
  sessions.Add({"unlock", "x", "bob", "", 7});
  sessions.End({}, 0);
  Are("c  0-6 forced bob/ 0\nb ann 5-0 unknown / 0\na  0-3 forced bob/ 0\n");
  LONGS_EQUAL(2, sessions.Forced().size());
  STRCMP_EQUAL("c", sessions.Forced()[0].lock.c_str());
}

TEST(LockSessions, TheLockItselfHasTheLastWord) {
  sessions.Add({"lock", "a", "ann", "", 1});
  sessions.End({Holder("a")}, 0);
  Are("a ann 77-0 held / 0\n");
  sessions.Add({"lock", "b", "bob", "", 80});  // how `a` ended stands in another host's trail
  sessions.End({Holder("c")}, 0);
  Are("c ann 77-0 held / 0\nb bob 80-0 unknown / 0\na ann 77-0 unknown / 0\n");
}

TEST(LockSessions, PlansHoldItTogether) {
  for (int i = 1; i <= 5; ++i) {
    sessions.Add({"lock", "q" + std::to_string(i), i < 5 ? "ann" : "bob", "", i});
  }
  sessions.Add({"unlock", "q2", "ann", "", 6});
  sessions.Add({"unlock", "q1", "root", "gone", 7});
  sessions.Add({"force unlock", "q3 q5", "bob", "", 8});
  LockRecord plan = Holder("q4");
  plan.shared = true;
  sessions.End({plan}, 0);
  Are("q5 bob 5-8 forced bob/ 0\n"
      "q4 ann 77-0 held / 0\n"
      "q3 ann 3-8 forced bob/ 0\n"
      "q2 ann 2-6 released / 0\n"
      "q1 ann 1-7 forced root/gone 0\n");
  sessions.Add({"lock", "q6", "ann", "", 90});
  LockRecord other = Holder("q6");
  sessions.End({plan, other}, 0);
  STRCMP_EQUAL("held", sessions.all()[0].end.c_str());
  STRCMP_EQUAL("held", sessions.all()[2].end.c_str());
}

TEST(LockSessions, ATokenThatHasExpiredIsSaid) {
  LockRecord holder = Holder("a");
  holder.info = R"({"ID":"a","stateward_token_exp":60})";
  sessions.End({holder}, 59999);
  Are("a ann 77-0 held / 0\n");
  sessions.End({holder}, 180000);
  Are("a ann 77-0 held /its token expired 2 min ago 0\n");
}

TEST(LockSessions, WithoutATrailTheRecordsSayWhoWrote) {
  sessions.Add(Version("b"));
  sessions.Add(Version("a", "bob"));
  sessions.Add(Version("a", "bob"));
  sessions.Add(Version(""));
  VersionInfo no_op = Version("z");
  no_op.kind = RecordKind::kNoOp;
  sessions.Add(no_op);
  sessions.End({Holder("b")}, 0);
  Are("b ann 77-0 held / 1\na bob 0-0 unknown / 2\n");
}

TEST(LockSessions, TheNewestAreKept) {
  for (int i = 0; i < 1005; ++i) sessions.Add({"lock", std::to_string(i), "ann", "", i});
  LONGS_EQUAL(LockSessions::kMost, sessions.all().size());
  STRCMP_EQUAL("1004", sessions.all().front().lock.c_str());
}

}  // namespace stateward
