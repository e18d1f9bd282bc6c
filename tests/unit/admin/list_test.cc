#include <algorithm>
#include <string>
#include <vector>

#include "admin/summaries.h"
#include "unit/admin/admin_fixture.h"

namespace stateward {

TEST_GROUP_BASE(ListStates, AdminFixture){
    void Write(const char* project, const char* name, uint64_t serial,
               const char* more = ""){grant = GrantOf(root, {"", project, name});
Is(Code::kOk, Put(Doc(serial, "L", more)));
clock.Advance(1000);
}  // namespace stateward
// "net/a net/b"
std::string Names(const std::vector<Given>& given) { return Names(root, given); }
std::string Names(const Caller& caller, const std::vector<Given>& given) {
  std::string names;
  for (const Row& row : RowsOf("list", caller, given)) {
    names += (names.empty() ? "" : " ") + TextIn("list", row, "state");
  }
  return names;
}
}
;

TEST(ListStates, FiltersAndOrders) {
  Write("net", "b", 5);
  Write("net", "a", 9, "a much longer document than the others have");
  Write("app", "c", 7);
  Write("app", "c", 8);
  STRCMP_EQUAL("app/c net/a net/b", Names({}).c_str());
  STRCMP_EQUAL("net/a net/b", Names({{"glob", "net/*"}}).c_str());
  STRCMP_EQUAL("net/a net/b", Names({{"glob", "net"}}).c_str());
  STRCMP_EQUAL("app/c net/a net/b", Names({{"sort", "time"}}).c_str());
  STRCMP_EQUAL("net/a app/c net/b", Names({{"sort", "serial"}}).c_str());
  STRCMP_EQUAL("app/c net/a net/b", Names({{"sort", "versions"}}).c_str());
  CHECK(Names({{"sort", "size"}}).substr(0, 5) == "net/a");
  clock.Advance(3600 * 1000);
  Write("net", "b", 6);
  STRCMP_EQUAL("app/c net/a", Names({{"older", "1h"}}).c_str());
  Is(Code::kOk, Lock("lock-1"));
  STRCMP_EQUAL("net/b", Names({{"locked", "true"}}).c_str());
}

TEST(ListStates, DeletedOnesOnlyWhenAskedFor) {
  Write("net", "a", 1);
  Write("net", "b", 1);
  Is(Code::kOk, Delete());
  STRCMP_EQUAL("net/a", Names({}).c_str());
  STRCMP_EQUAL("net/b", Names({{"deleted", "true"}}).c_str());
}

TEST(ListStates, ANoOpRecordOnTopHidesNothing) {
  Write("net", "a", 3);
  // A forced release, where writes may arrive late: the next grant takes a number away.
  locker.still = false;
  storage.late = true;
  Is(Code::kOk, Lock("lock-1"));
  Is(Code::kOk, Unlock(""));
  Is(Code::kOk, Lock("lock-2"));
  CHECK(HeadOf() == 2);
  const std::vector<Row> rows = RowsOf("list", root, {});
  STRCMP_EQUAL("3", TextIn("list", rows[0], "serial").c_str());
  STRCMP_EQUAL("1", TextIn("list", rows[0], "version").c_str());
  STRCMP_EQUAL("2", TextIn("list", rows[0], "versions").c_str());
  STRCMP_EQUAL("lock-2", TextIn("list", rows[0], "lock").c_str());
}

TEST(ListStates, ADamagedOneIsNamedByItsId) {
  Write("net", "a", 1);
  Write("net", "b", 1);
  storage.DamageFront(Id(), 1);
  const std::vector<Row> rows = RowsOf("list", root, {});
  LONGS_EQUAL(2, rows.size());
  STRCMP_EQUAL("damaged", TextIn("list", rows[0], "condition").c_str());
  STRCMP_EQUAL(Id().hex().c_str(), TextIn("list", rows[0], "state_id").c_str());
  // It may be one that fits.
  LONGS_EQUAL(1, RowsOf("list", root, {{"glob", "app"}}).size());
  // Nobody else hears of it.
  STRCMP_EQUAL("net/a", Names(Of("net", {Right::kSee}), {}).c_str());
}

TEST(ListStates, WhatIsHiddenShowsNowhere) {
  Write("net", "a", 1);
  Write("app", "b", 1);
  grant = As("secret", "net", "c");
  Is(Code::kOk, Put(Doc(1)));
  STRCMP_EQUAL("net/a", Names(Of("net", {Right::kSee}), {}).c_str());
  STRCMP_EQUAL("", Names(Of("net", {Right::kLock}), {}).c_str());
  STRCMP_EQUAL("app/b net/a net/c", Names({}).c_str());
}

TEST(ListStates, PagesHoldEachStateOnce) {
  for (char name = 'a'; name <= 'g'; ++name) Write("net", std::string(1, name).c_str(), 1);
  std::string seen;
  std::string cursor;
  int pages = 0;
  do {
    std::vector<Given> given = {{"limit", "3"}};
    if (!cursor.empty()) given.push_back({"cursor", cursor.c_str()});
    Result<Reply> reply = Run("list", root, given);
    CHECK(reply.ok());
    size_t rows = 0;
    CHECK(reply
              ->stream([&](const Row& row) {
                seen += TextIn("list", row, "state").back();
                ++rows;
                return true;
              })
              .ok());
    CHECK(rows <= 3);
    cursor = reply->next;
    ++pages;
  } while (!cursor.empty());
  LONGS_EQUAL(3, pages);
  std::sort(seen.begin(), seen.end());
  STRCMP_EQUAL("abcdefg", seen.c_str());
  CHECK(Run("list", root, {{"limit", "3"}, {"sort", "size"}}).status().code() ==
        Code::kInvalidArgument);
}

TEST(ListStates, OneAtATimeForEachPrincipal) {
  AdminService::ListTurn mine = admin->TakeListTurn(root.principal);
  CHECK(static_cast<bool>(mine));
  Result<Reply> second = Run("list", root, {});
  CHECK_FALSE(second.ok());
  CHECK(second.status().code() == Code::kOverloaded);
  CHECK(Run("list", Of("net", Rights::All()), {}).ok());
  mine = AdminService::ListTurn(nullptr);
  CHECK(Run("list", root, {}).ok());
}

TEST(ListStates, AnOutageIsNoShorterList) {
  Write("net", "a", 1);
  Write("net", "b", 1);
  storage.calls_left = 2;
  Result<Reply> reply = Run("list", root, {});
  CHECK(reply.ok());
  const Result<Verdict> end = reply->stream([](const Row&) { return true; });
  CHECK_FALSE(end.ok());
  CHECK(end.status().code() == Code::kUnavailable);
}

TEST(ListStates, ALargeStoreIsReadInParts) {
  storage.ends_page = 3;
  for (int i = 0; i < 60; ++i) Write("net", ("s" + std::to_string(i)).c_str(), 1);
  LONGS_EQUAL(60, RowsOf("list", root, {}).size());
  std::string cursor;
  size_t rows = 0;
  do {
    std::vector<Given> given = {{"limit", "7"}};
    if (!cursor.empty()) given.push_back({"cursor", cursor.c_str()});
    Result<Reply> reply = Run("list", root, given);
    CHECK(reply.ok());
    CHECK(reply
              ->stream([&rows](const Row&) {
                ++rows;
                return true;
              })
              .ok());
    cursor = reply->next;
  } while (!cursor.empty());
  LONGS_EQUAL(60, rows);
}

TEST_GROUP_BASE(ListCache, AdminFixture) {
  void setup() override {
    AdminFixture::setup();
    storage.round_trips = true;
    for (int i = 0; i < 6; ++i) Write(i, 1);
  }  // namespace stateward
  void Write(int i, uint64_t serial) {
    grant = GrantOf(root, {"", "net", "s" + std::to_string(i)});
    Is(Code::kOk, Put(Doc(serial)));
  }
  // "s0=1 s1=1": names and serials; and how many records were read for it.
  std::string List() {
    const int before = storage.gets;
    std::string text;
    for (const Row& row : RowsOf("list", root, {})) {
      const std::string name = TextIn("list", row, "state");
      if (name != "-") text += name.substr(4) + "=" + TextIn("list", row, "serial") + " ";
    }
    reads = storage.gets - before;
    return text;
  }
  int reads = 0;
};

TEST(ListCache, WhatDidNotChangeIsReadOnce) {
  STRCMP_EQUAL("s0=1 s1=1 s2=1 s3=1 s4=1 s5=1 ", List().c_str());
  LONGS_EQUAL(6, reads);
  STRCMP_EQUAL("s0=1 s1=1 s2=1 s3=1 s4=1 s5=1 ", List().c_str());
  LONGS_EQUAL(0, reads);
  LONGS_EQUAL(1, storage.cache_writes);
}

TEST(ListCache, ItIsRightAfterAnyChange) {
  List();
  Write(3, 2);
  STRCMP_EQUAL("s0=1 s1=1 s2=1 s3=2 s4=1 s5=1 ", List().c_str());
  LONGS_EQUAL(1, reads);
  List();
  LONGS_EQUAL(0, reads);  // the others are still kept
  grant = GrantOf(root, {"", "net", "s1"});
  Is(Code::kOk, Delete());
  STRCMP_EQUAL("s0=1 s2=1 s3=2 s4=1 s5=1 ", List().c_str());
  RowsOf("undelete", root, {{"state", "net/s1"}});
  STRCMP_EQUAL("s0=1 s1=1 s2=1 s3=2 s4=1 s5=1 ", List().c_str());
  RowsOf("mv", root, {{"state", "net/s0"}, {"to", "net/s9"}});
  CHECK(List().find("s9=1") != std::string::npos);
  // The same number, other bytes: as after a rekey, or a backup that was put back.
  const StateId id = StateId::Of({"", "net", "s4"});
  storage.DamageFront(id, 1);
  CHECK(List().find("s4") == std::string::npos);
  storage.DamageFront(id, 1);
  CHECK(List().find("s4=1") != std::string::npos);
}

TEST(ListCache, OneThatIsDamagedOrOfAnotherPlaceIsNotUsed) {
  const std::string right = List();
  storage.caches["list"].back() ^= 1;
  STRCMP_EQUAL(right.c_str(), List().c_str());
  LONGS_EQUAL(6, reads);
  Result<History> history = admin->OpenHistory();
  storage.caches["list-a"] = storage.caches["list"];
  CHECK(history->ReadCache("list").ok());
  CHECK(history->ReadCache("list-a").status().code() == Code::kNotFound);
}

TEST(ListCache, AListNeedsNoCache) {
  storage.no_caches = true;
  const std::string right = List();
  STRCMP_EQUAL(right.c_str(), List().c_str());
  LONGS_EQUAL(6, reads);
  storage.no_caches = false;
  storage.round_trips = false;
  List();
  LONGS_EQUAL(0, storage.cache_writes);
}

}  // namespace stateward
