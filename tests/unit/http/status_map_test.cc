// The one table from codes to HTTP, and the bodies that come of it.
#include "http/status_map.h"

#include <CppUTest/TestHarness.h>

#include <string>

#include "base/json.h"

namespace stateward {

TEST_GROUP(StatusMap){};

TEST(StatusMap, EveryCodeHasARowWithItsTexts) {
  for (int i = 0; i <= static_cast<int>(Code::kInternal); ++i) {
    const auto code = static_cast<Code>(i);
    const HttpStatus& row = ToHttp(code);
    CHECK(row.code == code);
    if (code == Code::kOk) continue;
    CHECK(row.status >= 400);
    LONGS_EQUAL(row.status == 503 || row.status == 429, row.retry_after_s > 0);
    for (std::string_view text : {row.message, row.reason, row.action}) {
      CHECK(text.size() > 3);
      CHECK(text.size() < 200);
      CHECK(text.find('\n') == std::string_view::npos);
    }
  }
}

TEST(StatusMap, ABodySaysWhatWhyAndWhatToDo) {
  std::string body = ErrorBody(ToHttp(Code::kConflict), {"the \"reason\"", "do it", "abc"}, "r1");
  STRCMP_EQUAL(
      "{\"error\":\"refused\",\"reason\":\"the \\\"reason\\\"\",\"action\":\"do it\","
      "\"upload\":\"abc\",\"request_id\":\"r1\"}",
      body.c_str());
}

TEST(StatusMap, WhatIsNotSaidComesFromTheTable) {
  const HttpStatus& row = ToHttp(Code::kUnavailable);
  Result<JsonObject> json = ParseSmallJson(ErrorBody(row, {}, "r"));
  CHECK(json.ok());
  STRCMP_EQUAL(std::string(row.reason).c_str(), json->String("reason")->c_str());
  STRCMP_EQUAL(std::string(row.action).c_str(), json->String("action")->c_str());
  CHECK_FALSE(json->String("upload").has_value());
}

}  // namespace stateward
