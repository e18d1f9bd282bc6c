#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "unit/admin/admin_fixture.h"

namespace stateward {

TEST_GROUP_BASE(Check, AdminFixture) {
  // "part name" of each row.
  std::set<std::string> Found(const std::vector<Given>& given) {
    std::set<std::string> found;
    for (const Row& row : RowsOf("check", root, given, Verdict::kFoundWrong)) {
      CHECK(found.insert(In(row, "part") + " " + In(row, "name")).second);
      last = row;
    }
    return found;
  }
  std::string In(const Row& row, const char* column) { return TextIn("check", row, column); }
  Row last;
};

TEST(Check, AWholeStoreIsAnEmptyList) {
  for (uint64_t serial = 1; serial <= 3; ++serial) Is(Code::kOk, Put(Doc(serial)));
  Is(Code::kConflict, Put(Doc(1, "other")));
  Is(Code::kOk, Lock("a"));
  LONGS_EQUAL(0, RowsOf("check", root, {{"read-data", "true"}}).size());
  LONGS_EQUAL(0, RowsOf("check", root, {}).size());
}

TEST(Check, ADamagedDocumentIsFoundWhenItIsRead) {
  for (uint64_t serial = 1; serial <= 3; ++serial) Is(Code::kOk, Put(Doc(serial)));
  storage.Damage(Id(), 2);
  LONGS_EQUAL(0, RowsOf("check", root, {}).size());
  CHECK(Found({{"read-data", "true"}}) == std::set<std::string>({"version 2"}));
  STRCMP_EQUAL("net/prod", In(last, "state").c_str());
  STRCMP_CONTAINS("can be read without it", In(last, "mend").c_str());
}

TEST(Check, ADamagedNewestVersionNamesTheOneToRollBackTo) {
  for (uint64_t serial = 1; serial <= 3; ++serial) Is(Code::kOk, Put(Doc(serial)));
  storage.Damage(Id(), 3);
  CHECK(Found({{"read-data", "true"}}) == std::set<std::string>({"version 3"}));
  STRCMP_CONTAINS("statewardctl rollback net/prod --to 2", In(last, "mend").c_str());
}

TEST(Check, VersionsThatTheLockRemembersAreMissed) {
  for (uint64_t serial = 1; serial <= 2; ++serial) Is(Code::kOk, Put(Doc(serial)));
  Is(Code::kOk, Lock("a"));
  storage.Undo(Id(), 2);
  CHECK(Found({}) == std::set<std::string>({"version 2"}));
  STRCMP_CONTAINS("is gone", In(last, "problem").c_str());
}

TEST(Check, AStateWhoseOnlyRecordIsGoneIsMissed) {
  Is(Code::kOk, Lock("a"));
  LONGS_EQUAL(0, RowsOf("check", root, {}).size());  // its first write is still to come
  Is(Code::kOk, Put(Doc(1), "a"));
  Is(Code::kOk, Unlock("a"));
  storage.Undo(Id(), 1);
  CHECK(Found({}) == std::set<std::string>({"version 1"}));
  STRCMP_EQUAL(Id().hex().c_str(), In(last, "state_id").c_str());
  // Nobody can tell that it does not fit.
  CHECK(Found({{"glob", "app/*"}}) == std::set<std::string>({"version 1"}));
}

TEST(Check, APatternTellsOfWhatHasNoNameThatOpens) {
  Is(Code::kOk, Put(Doc(1)));
  storage.DamageFront(Id(), 1);
  CHECK(Found({{"glob", "net/*"}}) == std::set<std::string>({"version 1"}));
  STRCMP_EQUAL("-", In(last, "state").c_str());
  STRCMP_CONTAINS(("the id of its state is " + Id().hex()).c_str(), In(last, "problem").c_str());
}

// A check of a store that serves: between its look at the records and at the lock somebody wrote.
TEST(Check, WhatWasWrittenMeanwhileIsNotMissed) {
  Is(Code::kOk, Put(Doc(1)));
  locker.before_look = [this] {
    Is(Code::kOk, Lock("a"));
    Is(Code::kOk, Put(Doc(2), "a"));
    Is(Code::kOk, Unlock("a"));
  };
  LONGS_EQUAL(0, RowsOf("check", root, {}).size());
  CHECK(locker.before_look == nullptr);
}

TEST(Check, ALockThatIsBeingTakenIsLookedAtAgain) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Lock("a"));
  locker.half_taken = true;
  int looks = 0;
  const std::function<void()> looked = [&] {
    if (++looks == 2) locker.half_taken = false;
    locker.before_look = looked;
  };
  locker.before_look = looked;
  LONGS_EQUAL(0, RowsOf("check", root, {}).size());
  LONGS_EQUAL(2, looks);
  locker.before_look = nullptr;
}

TEST(Check, APatternChooses) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Put(Doc(2)));
  storage.Damage(Id(), 1);
  const int before = storage.gets;
  LONGS_EQUAL(0, RowsOf("check", root, {{"glob", "app"}, {"read-data", "true"}}).size());
  LONGS_EQUAL(before + 1, storage.gets);  // its name was read, and no more of it
  CHECK(Found({{"glob", "net/*"}, {"read-data", "true"}}) == std::set<std::string>({"version 1"}));
}

TEST(Check, WhatIsNoPartOfTheStoreIsNamed) {
  Is(Code::kOk, Put(Doc(1)));
  storage.strangers = {{"uploads/odd", "a file belongs here"}};
  LONGS_EQUAL(0, RowsOf("check", root, {{"glob", "net/*"}}).size());
  CHECK(Found({}) == std::set<std::string>({"other uploads/odd"}));
  STRCMP_EQUAL("a file belongs here", In(last, "problem").c_str());
  CHECK(In(last, "mend") != "-");
  LONGS_EQUAL(0, RowsOf("repair", root, {}).size());
}

TEST(Check, AnOutageIsNoDamage) {
  Is(Code::kOk, Put(Doc(1)));
  storage.down = true;
  Result<Reply> reply = Run("check", root, {});
  CHECK(reply.ok());
  CHECK(reply->stream([](const Row&) { return true; }).status().code() == Code::kUnavailable);
}

TEST(Check, WhatRepairDoesIsNamedAndDoneOnlyWhenAsked) {
  Is(Code::kOk, Put(Doc(1)));
  CHECK(admin->OpenHistory()->WriteCache("list", std::string("{}")).ok());
  LONGS_EQUAL(0, RowsOf("check", root, {}).size());
  storage.caches["list-a"] = storage.caches["list"];  // of another place
  storage.leftovers = {"states/.tmp-1"};
  const std::vector<Row> rows = RowsOf("check", root, {}, Verdict::kFoundWrong);
  LONGS_EQUAL(2, rows.size());
  STRCMP_EQUAL("list-a", TextIn("check", rows[0], "name").c_str());
  STRCMP_CONTAINS("statewardctl repair", TextIn("check", rows[1], "mend").c_str());
  STRCMP_EQUAL(
      "to be removed",
      TextIn("repair", RowsOf("repair", root, {{"dry-run", "true"}})[0], "result").c_str());
  LONGS_EQUAL(2, storage.caches.size());
  LONGS_EQUAL(2, RowsOf("repair", root, {}).size());
  LONGS_EQUAL(0, RowsOf("check", root, {}).size());
  LONGS_EQUAL(1, storage.caches.size());
  CHECK(storage.leftovers.empty());
}

}  // namespace stateward
