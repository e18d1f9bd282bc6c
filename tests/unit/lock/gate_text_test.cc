#include "lock/gate_text.h"

#include <CppUTest/TestHarness.h>

namespace stateward {

TEST_GROUP(GateText){};

TEST(GateText, IsWhatTheFormatSays) {
  const std::vector<Gate> gates = {{"net/*", 1795788000000, 1795795200000, "ann", "new router"}};
  const std::string text = EncodeGates(gates);
  STRCMP_EQUAL(R"({"version":1,"gates":[{"pattern":"net/*","since":"1795788000000",)"
               R"("until":"1795795200000","by":"ann","reason":"new router"}]})",
               text.c_str());
  LONGS_EQUAL(16, GateTag(text).size());
  STRCMP_EQUAL("", EncodeGates({}).c_str());
  STRCMP_EQUAL("", GateTag("").c_str());
  Result<GateSet> set = DecodeGates(text, 7);
  STRCMP_EQUAL(GateTag(text).c_str(), set->tag.c_str());
  CHECK(set->now_ms == 7);
  STRCMP_EQUAL(text.c_str(), EncodeGates(set->gates).c_str());
}

TEST(GateText, WhatIsDamagedOrNewerIsAnOutage) {
  for (const char* bad :
       {"{", "{}", R"({"version":1})", R"({"version":2,"gates":[]})", R"({"gates":[]})",
        R"({"version":1,"gates":[{}]})", R"({"version":1,"gates":["x"]})",
        R"({"version":1,"gates":[{"pattern":"","since":"1","until":"0"}]})",
        R"({"version":1,"gates":[{"pattern":"p","since":"1"}]})"}) {
    Result<GateSet> set = DecodeGates(bad, 0);
    CHECK_TEXT(!set.ok() && set.status().code() == Code::kUnavailable, bad);
  }
}

TEST(GateText, ATicketIsComparedBeforeItIsBelieved) {
  CHECK(JudgeGates({"", 0}, "", 1) == GateVerdict::kOpen);
  CHECK(JudgeGates({"t", 0}, "t", 1) == GateVerdict::kOpen);
  CHECK(JudgeGates({"t", 5}, "t", 4) == GateVerdict::kShut);
  CHECK(JudgeGates({"t", 5}, "t", 5) == GateVerdict::kOpen);
  CHECK(JudgeGates({"t", kShutForGood}, "t", kShutForGood - 1) == GateVerdict::kShut);
  CHECK(JudgeGates({"t", 5}, "", 4) == GateVerdict::kChanged);
  CHECK(JudgeGates({"", 0}, "t", 4) == GateVerdict::kChanged);
}

}  // namespace stateward
