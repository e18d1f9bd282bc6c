#include "admin/params.h"

#include <CppUTest/TestHarness.h>

#include <string>
#include <vector>

namespace stateward {
namespace {

constexpr Param kTable[] = {
    {"state", ParamKind::kState, ParamUse::kArgument, "PROJECT/NAME", "the state"},
    {"version", ParamKind::kNumber, ParamUse::kOption, "N", "", {}, 1, 100},
    {"older", ParamKind::kAge, ParamUse::kOption, "AGE", "", {}, 60},
    {"at", ParamKind::kTime, ParamUse::kOption, "TIME", ""},
    {"sort", ParamKind::kChoice, ParamUse::kOption, "BY", "", "name", 0, kNoLimit, "name|size"},
    {"reason", ParamKind::kText, ParamUse::kOption, "T", "", {}, 1, 8},
    {"glob", ParamKind::kGlob, ParamUse::kOption, "GLOB", ""},
    {"yes", ParamKind::kFlag, ParamUse::kOption, "", ""},
    {"key", ParamKind::kText, ParamUse::kManyOptions, "KEY", ""},
};

}  // namespace

TEST_GROUP(Params) {
  Args args;

  Status Add(const char* name, std::string_view text) {
    return args.Add(*FindParam(ParamTable(kTable), name), text);
  }
  void Takes(const char* name, std::string_view text) {
    Args fresh;
    const Status added = fresh.Add(*FindParam(ParamTable(kTable), name), text);
    if (!added.ok()) FAIL(added.detail().c_str());
  }
  void Refuses(const char* name, std::string_view text, const char* why) {
    Args fresh;
    const Status added = fresh.Add(*FindParam(ParamTable(kTable), name), text);
    if (added.ok()) FAIL(std::string(text).c_str());
    LONGS_EQUAL(Code::kInvalidArgument, added.code());
    STRCMP_CONTAINS(why, added.detail().c_str());
  }
};

TEST(Params, ValuesAreOfTheirKindAndWithinTheirLimits) {
  Takes("state", "net/prod");
  Takes("state", "net/prod/vpc");
  for (const char* bad : {"net", "net/", "/prod", "a/b/lock", "../x", "a b/c", "a//b"}) {
    Refuses("state", bad, "state must be PROJECT/NAME");
  }
  Takes("version", "100");
  for (const char* bad : {"", "-1", "+1", "1 ", "0x1", "99999999999999999999999"}) {
    Refuses("version", bad, "version must be a number");
  }
  Refuses("version", "0", "version must be from 1 to 100");
  Refuses("version", "101", "version must be from 1 to 100");
  Takes("older", "90d");
  Refuses("older", "59s", "must be 60 seconds or more");
  for (const char* bad : {"", "d", "90", "90y", "-1d", "99999999999999999w"}) {
    Refuses("older", bad, "must be a number and one of");
  }
  Takes("at", "2027-01-31T00:00:00Z");
  for (const char* bad : {"", "2027-01-31", "2027-01-31T00:00:00Z "}) {
    Refuses("at", bad, "must be a time");
  }
  Refuses("sort", "colour", "must be one of name|size");
  Takes("reason", "ä");
  Refuses("reason", "a\nb", "a line of UTF-8 text");
  Refuses("reason", "\xff", "a line of UTF-8 text");
  Refuses("reason", "123456789", "must be from 1 to 8 bytes");
  Refuses("reason", "", "must not be empty");
  for (const char* good : {"*", "net/*", "net", "*/prod-1"}) Takes("glob", good);
  for (const char* bad : {"", "a b", "net/[a]", "net/?"}) Refuses("glob", bad, "a pattern");
  Refuses("yes", "maybe", "true or false");
}

TEST(Params, WhatIsRequiredMustBeThereAndFallbacksAreFilledIn) {
  CHECK_FALSE(args.Finish(kTable).ok());
  CHECK(Add("state", "net/prod").ok());
  CHECK(args.Finish(kTable).ok());
  STRCMP_EQUAL("name", args.Text("sort").c_str());
  STRCMP_EQUAL("", args.Text("reason").c_str());
  CHECK_FALSE(args.Has("version"));
  STRCMP_EQUAL("net", args.State().project.c_str());
  STRCMP_EQUAL("prod", args.State().name.c_str());
}

TEST(Params, AValueIsGivenOnceUnlessThereMayBeMany) {
  CHECK(Add("version", "1").ok());
  STRCMP_CONTAINS("version is given twice", Add("version", "1").detail().c_str());
  CHECK(Add("key", "a").ok());
  CHECK(Add("key", "b").ok());
  LONGS_EQUAL(2, args.All("key").size());
  CHECK(Add("yes", "false").ok());
  CHECK_FALSE(args.Flag("yes"));
}

TEST(Params, TimesAreMilliseconds) {
  CHECK(Add("older", "2h").ok());
  CHECK(Add("at", "1970-01-02T00:00:00Z").ok());
  CHECK(Add("version", "7").ok());
  CHECK(args.AgeMs("older") == 7200000);
  CHECK(args.TimeMs("at") == 86400000);
  LONGS_EQUAL(7, args.Number("version"));
}

}  // namespace stateward
