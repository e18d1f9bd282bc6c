#include "hooks/hook_event.h"

#include <CppUTest/TestHarness.h>

#include <optional>
#include <string>

namespace stateward {
namespace {

std::string TypeOf(const std::string& members) {
  Result<JsonObject> line =
      ParseSmallJson(R"({"chain":"0123456789abcdef","seq":8,"time":"T",)" + members + "}");
  CHECK(line.ok());
  std::optional<HookEvent> event = EventOfLine(*line);
  return event ? event->type : "";
}

}  // namespace

TEST_GROUP(HookEvent){};

TEST(HookEvent, WhatIsDoneIsTold) {
  const std::string done = R"("event":"done","result":"done","action":)";
  const std::string first = R"("version_after":1)";
  const std::string next = R"("version_before":1,"version_after":2)";
  STRCMP_EQUAL("state.written", TypeOf(done + R"("write","status":200,)" + first).c_str());
  STRCMP_EQUAL("state.written", TypeOf(done + R"("write","status":200,)" + next).c_str());
  STRCMP_EQUAL("state.deleted", TypeOf(done + R"("delete","status":200,)" + next).c_str());
  STRCMP_EQUAL("lock.forced",
               TypeOf(done + R"("force unlock","status":200,"lock_id":"a")").c_str());
  STRCMP_EQUAL("lock.forced", TypeOf(done + R"("force unlock","lock_id":"a")").c_str());
  STRCMP_EQUAL("state.rolled_back", TypeOf(done + R"("rollback",)" + next).c_str());
  STRCMP_EQUAL("maintenance.set", TypeOf(done + R"("maintenance set")").c_str());
  // Through the API as well.
  STRCMP_EQUAL("state.rolled_back", TypeOf(done + R"("rollback","status":200,)" + next).c_str());
  STRCMP_EQUAL("maintenance.set", TypeOf(done + R"("maintenance set","status":200)").c_str());
  STRCMP_EQUAL("write.kept", TypeOf(R"("event":"done","result":"refused","action":"write",)"
                                    R"("status":409,"upload":"u")")
                                 .c_str());
}

TEST(HookEvent, OfBasicAuthItNamesTheNamespace) {
  Result<JsonObject> line = ParseSmallJson(std::string(
      R"({"chain":"0123456789abcdef","seq":8,"time":"T","event":"done","result":"done",)"
      R"("action":"write","status":200,"version_after":1,"state":"net/prod",)"
      R"("namespace":"00112233445566aa",)"
      R"("principal":"basic:00112233445566aa"})"));
  CHECK(line.ok());
  const std::string body = EventOfLine(*line)->body;
  CHECK_TEXT(body.find(R"("state":"net/prod","namespace":"00112233445566aa")") != body.npos,
             body.c_str());
}

TEST(HookEvent, WhatIsNotDoneIsNot) {
  for (const char* members : {R"("event":"done","result":"refused","action":"rollback")",
                              R"("event":"done","result":"failed","action":"write","status":503)",
                              R"("event":"done","result":"refused","action":"write","status":409)",
                              R"("event":"intends","action":"rollback")",
                              R"("event":"done","result":"done","action":"rollback --dry-run")",
                              R"("event":"done","result":"done","action":"unlock","status":200)",
                              // Its own, or one that nobody held: through the API, at the store.
                              R"("event":"done","result":"done","action":"unlock","status":200,)"
                              R"("lock_id":"never-held")",
                              R"("event":"done","result":"done","action":"unlock",)"
                              R"("lock_id":"never-held")",
                              R"("event":"done","result":"done","action":"read","status":200)",
                              // The same bytes again, an absent state, a lock that nobody held.
                              R"("event":"done","result":"done","action":"write","status":200,)"
                              R"("version_before":1,"version_after":1)",
                              R"("event":"done","result":"done","action":"delete","status":200)",
                              R"("event":"done","result":"done","action":"rollback",)"
                              R"("version_before":3,"version_after":3)",
                              R"("event":"done","result":"done","action":"force unlock",)"
                              R"("status":200)"}) {
    STRCMP_EQUAL_TEXT("", TypeOf(members).c_str(), members);
  }
}

}  // namespace stateward
