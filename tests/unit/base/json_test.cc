#include "base/json.h"

#include <CppUTest/TestHarness.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace stateward {
namespace {

constexpr uint64_t kMaxUint64 = std::numeric_limits<uint64_t>::max();

JsonObject MustParse(std::string_view text) {
  Result<JsonObject> parsed = ParseSmallJson(text);
  CHECK_TRUE_TEXT(parsed.ok(), std::string(text).c_str());
  return *parsed;
}

void CheckRefused(std::string_view text, const char* why) {
  const Result<JsonObject> parsed = ParseSmallJson(text);
  CHECK_FALSE_TEXT(parsed.ok(), std::string(text.substr(0, 100)).c_str());
  CHECK_TRUE(parsed.status().code() == Code::kInvalidArgument);
  STRCMP_CONTAINS(why, parsed.status().detail().c_str());
}

std::string Nested(size_t objects) {
  std::string text;
  for (size_t i = 1; i < objects; ++i) text += "{\"a\":";
  return text + "{}" + std::string(objects - 1, '}');
}

}  // namespace

TEST_GROUP(SmallJson){};

TEST(SmallJson, ReadsALockInfo) {
  const JsonObject info = MustParse(
      R"({"ID":"f2a1c3d4-0000-1111-2222-333344445555","Operation":"OperationTypeApply","Info":"",)"
      R"("Who":"alice@h\u00f6st","Version":"1.12.6","Created":"2026-11-23T16:00:54.123456789Z",)"
      R"("Path":""})");
  STRCMP_EQUAL("f2a1c3d4-0000-1111-2222-333344445555", info.String("ID")->c_str());
  STRCMP_EQUAL("alice@h\xC3\xB6st", info.String("Who")->c_str());
  STRCMP_EQUAL("", info.String("Info")->c_str());
  CHECK_TRUE(info.Has("Path"));
  CHECK_FALSE(info.Has("path"));
  CHECK_FALSE(info.String("id").has_value());
}

TEST(SmallJson, GettersGiveNothingForAnotherType) {
  const JsonObject o = MustParse(
      R"({"s":"x","n":1,"t":true,"f":false,"z":null,"o":{"s":"inner"},"a":[{"i":1},{"i":2}],)"
      R"("mixed":[{},1],"empty":[]})");
  CHECK_TRUE(*o.Bool("t"));
  CHECK_FALSE(*o.Bool("f"));
  CHECK_FALSE(o.Bool("n").has_value());
  CHECK_FALSE(o.Bool("absent").has_value());
  CHECK_FALSE(o.String("n").has_value());
  CHECK_FALSE(o.String("z").has_value());
  CHECK_TRUE(o.Has("z"));
  CHECK_FALSE(o.Uint("s").has_value());
  CHECK_FALSE(o.Uint("t").has_value());
  CHECK_FALSE(o.Object("a").has_value());
  CHECK_FALSE(o.Objects("o").has_value());
  CHECK_FALSE(o.Objects("mixed").has_value());
  LONGS_EQUAL(0, o.Objects("empty")->size());
  STRCMP_EQUAL("inner", o.Object("o")->String("s")->c_str());
  LONGS_EQUAL(2, o.Objects("a")->size());
  LONGS_EQUAL(2, *o.Objects("a")->at(1).Uint("i"));
}

TEST(SmallJson, AnInnerObjectOutlivesItsDocument) {
  std::optional<JsonObject> inner = MustParse(R"({"o":{"s":"kept","n":5}})").Object("o");
  STRCMP_EQUAL("kept", inner->String("s")->c_str());
  LONGS_EQUAL(5, *inner->Uint("n"));
}

TEST(SmallJson, UintIsExact) {
  const JsonObject o = MustParse(
      R"({"a":9007199254740993,"b":18446744073709551615,"c":"18446744073709551615","d":0,"e":"0",)"
      R"("deep":{"x":[3,{"n":1152921504606846977}]},"last":4611686018427387905})");
  CHECK_TRUE(*o.Uint("a") == 9007199254740993u);
  CHECK_TRUE(*o.Uint("b") == kMaxUint64);
  CHECK_TRUE(*o.Uint("c") == kMaxUint64);
  CHECK_TRUE(*o.Uint("d") == 0);
  CHECK_TRUE(*o.Uint("e") == 0);
  CHECK_TRUE(*o.Uint("last") == 4611686018427387905u);  // the digits of the right number
}

TEST(SmallJson, UintRefusesWhatIsNoPlainInteger) {
  const JsonObject o = MustParse(
      R"({"a":18446744073709551616,"b":"18446744073709551616","c":1.0,"d":1e3,"e":-1,"f":-0,)"
      R"("g":"","h":"01","i":"+1","j":" 1","k":"1 ","l":"0x1","m":"-1","n":"1.0","o":1E2,)"
      R"("p":0.99999999999999999999})");
  for (const char* key :
       {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"}) {
    CHECK_FALSE_TEXT(o.Uint(key).has_value(), key);
  }
}

TEST(SmallJson, RefusesWhatIsNotOneObject) {
  CheckRefused("", "empty");
  CheckRefused(" \n", "empty");
  CheckRefused("[]", "not a JSON object");
  CheckRefused("null", "not a JSON object");
  CheckRefused("\xEF\xBB\xBF{}", "not a JSON object");
  CheckRefused("{} {}", "something follows the document at byte 3");
  CheckRefused("{}x", "something follows");
  CheckRefused(std::string_view("{}\0", 3), "something follows");
  CheckRefused(R"({"a":1)", "cut off");
  CheckRefused(R"({"a":1,})", "a key expected");
  CheckRefused(R"({"a":01})", "',' or '}' expected at byte 6");
  CheckRefused(R"({"a":NaN})", "a value expected");
}

// Each of these is read by cJSON without complaint, and not as the sender meant it.
TEST(SmallJson, RefusesWhatCJsonMisreads) {
  CheckRefused(std::string_view("{\"a\":\"x\0y\"}", 11), "control character");
  CheckRefused(R"({"a":"x\u0000y"})", "\\u0000 at byte 5");
  CheckRefused(R"({"x\u0000y":"a"})", "\\u0000 at byte 1");
  CheckRefused("{\"a\":\"\xC0\x80\"}", "not UTF-8");
  CheckRefused("{\"a\":\"\xED\xA0\x80\"}", "not UTF-8");
  CheckRefused("{\"a\":\"\xFF\"}", "not UTF-8");
  CheckRefused("{\"a\":\"x\ny\"}", "control character");
  CheckRefused(R"({"a":"\ud800"})", "surrogate");
}

TEST(SmallJson, RefusesAmbiguousNames) {
  CheckRefused(R"({"ID":"a","ID":"b"})", "stands twice at byte 10");
  CheckRefused(R"({"ID":"a","id":"b"})", "stands twice");
  CheckRefused(R"({"ID":"a","\u0049D":"b"})", "stands twice");
  CheckRefused("{\"s\":1,\"\xC5\xBF\":2}", "stands twice");      // long s
  CheckRefused("{\"K\":1,\"\xE2\x84\xAA\":2}", "stands twice");  // Kelvin sign
  CheckRefused(R"({"o":{"o":1,"O":2}})", "stands twice");
  CheckRefused(R"({"a":[{"b":1},{"b":1,"b":2}]})", "stands twice");
  CheckRefused(R"({"":1,"":2})", "stands twice");
  // The same name in different objects is no ambiguity.
  MustParse(R"({"a":{"a":{"a":1}},"b":{"a":2},"c":[{"a":1},{"a":2}],"d":1})");
}

TEST(SmallJson, DepthAndSizeAreBounded) {
  MustParse(Nested(kSmallJsonMaxDepth));
  CheckRefused(Nested(kSmallJsonMaxDepth + 1), "nested too deeply");
  const std::string frame = R"({"a":""})";
  const std::string fits(kSmallJsonMaxBytes - frame.size(), 'x');
  LONGS_EQUAL(fits.size(), MustParse(R"({"a":")" + fits + R"("})").String("a")->size());
  CheckRefused(R"({"a":"x)" + fits + R"("})", "more than 65536 bytes");
}

TEST(SmallJson, NumbersAreBounded) {
  const std::string longest(63, '1');
  CHECK_TRUE(MustParse("{\"a\":" + longest + "}").Has("a"));
  CheckRefused("{\"a\":" + longest + "1}", "more than 63 characters");
}

TEST(SmallJson, NoTruncationPasses) {
  const std::string whole = R"({"a":"b\u00e9\n","c":[1,-2.5e+7,true,null],"d":{"e":{}}})";
  MustParse(whole);
  for (size_t n = 0; n < whole.size(); ++n) {
    CHECK_FALSE_TEXT(ParseSmallJson(ByteView(whole.data(), n)).ok(), whole.substr(0, n).c_str());
  }
}

TEST_GROUP(JsonWriter){};

TEST(JsonWriter, WritesEveryShape) {
  JsonWriter w;
  w.BeginObject().Key("s").String("x").Key("u").Uint(kMaxUint64).Key("i").Int(-5);
  w.Key("b").Bool(true).Key("t").Text64(7).Key("o").BeginObject().EndObject();
  w.Key("a").BeginArray().Uint(1).BeginObject().Key("k").Bool(false).EndObject().BeginArray();
  w.EndArray().String("z").EndArray().Key("r").Raw(R"({"x":1})").Key("e").String("").EndObject();
  STRCMP_EQUAL(R"({"s":"x","u":18446744073709551615,"i":-5,"b":true,"t":"7","o":{},)"
               R"("a":[1,{"k":false},[],"z"],"r":{"x":1},"e":""})",
               w.text().c_str());
}

TEST(JsonWriter, EscapesWhatMustBeEscaped) {
  JsonWriter w;
  w.String(
      std::string_view("a\"b\\c\n\r\t\b\x1F\0/\x7F\xC2\x9B\xC2\xA0\xC3\xA9\xF0\x9F\x98\x80", 23));
  STRCMP_EQUAL(
      "\"a\\\"b\\\\c\\n\\r\\t\\u0008\\u001f\xEF\xBF\xBD/"
      "\\u007f\\u009b\xC2\xA0\xC3\xA9\xF0\x9F\x98\x80\"",
      w.text().c_str());
}

TEST(JsonWriter, ReplacesBytesThatAreNotUtf8) {
  JsonWriter w;
  w.BeginArray()
      .String(
          "a\xFF"
          "b\xC3")
      .String("\xED\xA0\x80")
      .EndArray();
  STRCMP_EQUAL(
      "[\"a\xEF\xBF\xBD"
      "b\xEF\xBF\xBD\",\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"]",
      w.text().c_str());
}

TEST(JsonWriter, WhatItWritesIsReadBack) {
  std::string every;
  for (int c = 0; c < 256; ++c) every.push_back(static_cast<char>(c));
  const std::string ascii = every.substr(1, 127);
  JsonWriter w;
  w.BeginObject().Key("every").String(every).Key(ascii).String(ascii);
  w.Key("n").Text64(kMaxUint64).EndObject();
  const JsonObject back = MustParse(std::move(w).Take());
  STRCMP_EQUAL(ascii.c_str(), back.String(ascii)->c_str());
  // JSON has a NUL, and the reader takes none.
  CHECK_TRUE(back.String("every")->substr(0, 130) == "\xEF\xBF\xBD" + ascii);
  CHECK_TRUE(*back.Uint("n") == kMaxUint64);
}

}  // namespace stateward
