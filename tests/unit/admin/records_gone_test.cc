// A store that lost the newest records of a state: operations by the lock's memory of them.
#include <string>
#include <vector>

#include "unit/admin/change_fixture.h"

namespace stateward {

TEST_GROUP_BASE(RecordsGone, ChangeFixture){void setup() override{ChangeFixture::setup();
Is(Code::kOk, Put(State("1", "1")));
Is(Code::kOk, Lock("a"));
Is(Code::kOk, Put(State("2", "2"), "a"));
Is(Code::kOk, Unlock("a"));
}  // namespace stateward
}
;

TEST(RecordsGone, AnOlderVersionIsNotTakenForTheNewest) {
  storage.Undo(Id(), 2);
  for (const char* name : {"get", "show", "diff"}) {
    STRCMP_CONTAINS("corruption: net/prod: record 2 is gone, the newest one left is 1",
                    Says(name, {}).c_str());
  }
  STRCMP_CONTAINS("record 2 is gone", Says("rollback", {{"to", "1"}, {"dry-run", "true"}}).c_str());
  // What is left can be looked at.
  CHECK(Run("get", root, With({{"version", "1"}})).ok());
  LONGS_EQUAL(1, RowsOf("versions", root, With({}), Verdict::kFoundWrong).size());
  STRCMP_CONTAINS("record 2 is gone", Run("versions", root, With({}))->note.c_str());
  CHECK(Run("lock-history", root, With({})).ok());
  LONGS_EQUAL(1, HeadOf());
}

TEST(RecordsGone, NorIsTheStateAbsent) {
  storage.Undo(Id(), 2);
  storage.Undo(Id(), 1);
  STRCMP_CONTAINS("corruption: net/prod: record 2 is gone, the newest one left is 0",
                  Says("get", {}).c_str());
  // For who may not see it there is none.
  Result<Reply> reply = Run("show", Of("app", {Right::kSee}), With({}));
  CHECK(reply.status().code() == Code::kNotFound);
}

TEST(RecordsGone, WhatIsWrittenMeanwhileIsNotGone) {
  locker.before_look = [this] {
    Is(Code::kOk, Lock("b"));
    Is(Code::kOk, Put(State("3", "3"), "b"));
    Is(Code::kOk, Unlock("b"));
  };
  STRCMP_EQUAL("ok", Says("show", {}, "condition").c_str());
}

TEST(RecordsGone, ALockThatCannotBeToldRemembersNothing) {
  Is(Code::kOk, Lock("b"));
  locker.half_taken = true;
  CHECK(Run("get", root, With({})).ok());
}

}  // namespace stateward
