#include "base/json_walker.h"

#include <CppUTest/TestHarness.h>

#include <string>
#include <string_view>
#include <vector>

#include "doubles/reference_json.h"

namespace stateward {
namespace {

class Recorder : public JsonSink {
 public:
  const char* Key(size_t depth, std::string_view raw) override {
    log += std::to_string(depth) + "K" + std::string(raw) + " ";
    return !raw.empty() && raw == refuse ? "refused key" : nullptr;
  }
  const char* Value(size_t depth, JsonKind kind, std::string_view raw) override {
    log += std::to_string(depth) + "OAS0TFN"[static_cast<size_t>(kind)] + std::string(raw) + " ";
    return !raw.empty() && raw == refuse ? "refused value" : nullptr;
  }
  void Close(size_t depth) override { log += std::to_string(depth) + "C "; }

  std::string log;
  std::string refuse;
};

Status Walk(std::string_view text, JsonLimits limits = {}) {
  Recorder recorder;
  return WalkJson(text, limits, &recorder);
}

// `value` as a member's value, with every alignment to the walker's words of 8 bytes, and with and
// without enough bytes behind it to be read as such a word.
std::vector<std::string> Placed(std::string_view value) {
  std::vector<std::string> out;
  for (const char* tail : {"", ",\"behind\":\"0123456789abcdef\""}) {
    for (size_t pad = 0; pad < 8; ++pad) {
      out.push_back("{\"" + std::string(pad, 'k') + "\":" + std::string(value) + tail + "}");
    }
  }
  return out;
}

void CheckValue(std::string_view value, bool valid) {
  for (const std::string& text : Placed(value)) {
    CHECK_EQUAL_TEXT(valid, Walk(text).ok(), text.c_str());
    // The slow reader is held to the same table, as other tests trust it.
    CHECK_EQUAL_TEXT(valid, reference::ParseJson(text, 512).has_value(), text.c_str());
  }
}

std::string Quote(std::string_view inside) { return "\"" + std::string(inside) + "\""; }

std::string Nested(size_t depth, bool objects) {
  std::string text = "{";
  std::string close = "}";
  for (size_t i = 1; i < depth; ++i) {
    text += objects || i == 1 ? "\"a\":" : "";
    text += objects ? "{" : "[";
    close.insert(close.begin(), objects ? '}' : ']');
  }
  return text + close;
}

void CheckRefused(std::string_view text, const char* detail) {
  const Status status = Walk(text);
  CHECK_TRUE(status.code() == Code::kInvalidArgument);
  STRCMP_EQUAL(detail, status.detail().c_str());
}

}  // namespace

TEST_GROUP(JsonWalker){};

TEST(JsonWalker, TakesEveryValue) {
  for (const char* value : {"0",
                            "-0",
                            "7",
                            "-12",
                            "1234567890123456789012345678901234567890",
                            "0.0",
                            "1.50",
                            "-0.1e1",
                            "1e5",
                            "1E5",
                            "1e+5",
                            "1e-5",
                            "0e0",
                            "0E+00",
                            "1e999",
                            "123.456e-789",
                            "true",
                            "false",
                            "null",
                            "{}",
                            "[]",
                            "[ ]",
                            "{ }",
                            "\n\t\r 1 \n\t\r ",
                            "[1,2]",
                            "[[],[[]],{}]",
                            "[ 1 , 2 ]",
                            R"({"a":1,"a":2})",
                            R"({"":0})",
                            R"([{"a":[{}]},null,"x"])",
                            R"("")",
                            R"("a")",
                            R"("\"\\\/\b\f\n\r\t\u0041\uabCD\u0000")",
                            R"("\ud83d\ude00")",
                            R"("\ud800")",
                            R"("\udc00x")",
                            R"("\ud800\ud800")",
                            R"("a,]}{[:")",
                            "\"\x7F\"",
                            R"("0123456789abcdef0123456789abcdef")"}) {
    CheckValue(value, true);
  }
}

TEST(JsonWalker, RefusesWhatIsNoValue) {
  for (const char* value : {"",
                            " ",
                            "01",
                            "-",
                            "-01",
                            "+1",
                            "00",
                            "1.",
                            ".5",
                            "-.5",
                            "1.e5",
                            "1e",
                            "1e+",
                            "1e-",
                            "1e5.5",
                            "1.2.3",
                            "0x10",
                            "1_000",
                            "1a",
                            "--1",
                            "1-",
                            "1 2",
                            "NaN",
                            "Infinity",
                            "-Infinity",
                            "inf",
                            "tru",
                            "truE",
                            "True",
                            "truee",
                            "nul",
                            "nulll",
                            "fals",
                            "undefined",
                            "'a'",
                            "a",
                            "\"",
                            "\"a",
                            "a\"",
                            "[",
                            "]",
                            "[1",
                            "[1,",
                            "[1,]",
                            "[,1]",
                            "[,]",
                            "[1,,2]",
                            "[1 2]",
                            "[1}",
                            "[\"a\":1]",
                            "{",
                            "}",
                            "{,}",
                            "{\"a\"",
                            "{\"a\":",
                            "{\"a\":}",
                            "{\"a\":1,}",
                            "{\"a\" 1}",
                            "{\"a\"::1}",
                            "{a:1}",
                            "{1:1}",
                            "{\"a\":1 \"b\":2}",
                            "{\"a\":1]",
                            "{\"a\",\"b\"}",
                            "{null:1}",
                            "{\"a\":1,,\"b\":2}",
                            "[[]",
                            "[]]",
                            "// c\n1",
                            "1//c",
                            "/*c*/1",
                            "1,",
                            ":1",
                            "\f1",
                            "\v1",
                            "\xC2\xA0"
                            "1",
                            "\xEF\xBB\xBF"
                            "1",
                            "\x01"}) {
    CheckValue(value, false);
  }
  CheckValue(std::string_view("\0", 1), false);
  CheckValue(std::string_view("1\0", 2), false);
}

TEST(JsonWalker, RefusesBadStrings) {
  for (const char* inside :
       {"\n",        "\t",         "\r",        "\x01",      "\x1F",      "a\x1F",
        "0123456\n", "01234567\n", R"(\)",      R"(\a)",     R"(\v)",     R"(\0)",
        R"(\')",     R"(\x41)",    R"(\U0041)", R"(\u)",     R"(\u0)",    R"(\u00)",
        R"(\u004)",  R"(\u004g)",  R"(\u+041)", R"(\u 041)", R"(\u00/0)", R"(\u00:0)",
        R"(\u00@0)", R"(\u00`0)",  "\\\n",      "\\\xC3\xA9"}) {
    CheckValue(Quote(inside), false);
  }
  CheckValue(Quote(std::string_view("a\0b", 3)), false);
  CheckValue(Quote(std::string_view("\\\0", 2)), false);
}

TEST(JsonWalker, ControlCharactersOutsideStrings) {
  for (int c = 0; c <= ' '; ++c) {
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    const std::string byte(1, static_cast<char>(c));
    CheckValue(byte + "1", space);
    CheckValue("[1" + byte + byte + ",2]", space);
    CheckValue("[1,        " + byte + "        2]", space);
  }
}

TEST(JsonWalker, TakesUtf8) {
  for (const char* inside :
       {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xEC\xBF\xBF", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xEF\xBB\xBF", "\xF0\x90\x80\x80", "\xF3\xBF\xBF\xBF", "\xF4\x8F\xBF\xBF",
        "x\xC3\xA9y\xE4\xB8\xAD\xE6\x96\x87z"}) {
    CheckValue(Quote(inside), true);
  }
}

TEST(JsonWalker, RefusesWhatIsNotUtf8) {
  for (const char* inside : {"\x80",
                             "\xBF",
                             "\xC0\x80",
                             "\xC1\xBF",
                             "\xC2",
                             "\xC2x",
                             "\xC2\xC2\x80",
                             "\xE0\x80\x80",
                             "\xE0\x9F\xBF",
                             "\xE1\x80",
                             "\xE1\x80x",
                             "\xE1x\x80",
                             "\xED\xA0\x80",
                             "\xED\xAF\xBF",
                             "\xED\xBF\xBF",
                             "\xF0\x80\x80\x80",
                             "\xF0\x8F\xBF\xBF",
                             "\xF1\x80\x80",
                             "\xF1\x80\x80x",
                             "\xF1\x80x\x80",
                             "\xF1x\x80\x80",
                             "\xF4\x90\x80\x80",
                             "\xF5\x80\x80\x80",
                             "\xF8\x88\x80\x80\x80",
                             "\xFE",
                             "\xFF",
                             "\xC3\xA9\xA9",
                             "\xED\xA0\xBD\xED\xB8\x80"}) {
    CheckValue(Quote(inside), false);
    CheckValue("{" + Quote(inside) + ":1}", false);
  }
}

// Every byte, alone in a string, at every place of a word.
TEST(JsonWalker, EveryByteInAString) {
  for (int c = 0; c < 256; ++c) {
    const bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
    for (size_t before = 0; before < 9; ++before) {
      const std::string inside =
          std::string(before, 'x') + static_cast<char>(c) + std::string(9, 'y');
      CHECK_EQUAL_TEXT(plain, Walk("{\"a\":" + Quote(inside) + "}").ok(), inside.c_str());
    }
  }
}

TEST(JsonWalker, DepthIsBounded) {
  CHECK_TRUE(Walk(Nested(512, true)).ok());
  CHECK_TRUE(Walk(Nested(512, false)).ok());
  CheckRefused(Nested(513, true), "nested too deeply at byte 2560");
  CheckRefused(Nested(513, false), "nested too deeply at byte 516");
  CHECK_TRUE(Walk(Nested(3, true), {3, 1}).ok());
  CHECK_FALSE(Walk(Nested(4, true), {3, 1}).ok());
  CHECK_FALSE(Walk(Nested(513, true), {100000, 1}).ok());  // the walker's own bound
  CHECK_FALSE(Walk(std::string(1000000, '[')).ok());
  CHECK_FALSE(Walk("{\"a\":" + std::string(1000000, '[')).ok());
}

// Each container has to be closed by its own kind, at any depth.
TEST(JsonWalker, MixedNesting) {
  std::string open = "{";
  std::string close = "}";
  for (int i = 1; i < 512; ++i) {
    const bool in_object = close.front() == '}';
    const bool object = i * i % 7 < 3;
    open += in_object ? "\"k\":" : "";
    open += object ? "{" : "[";
    close.insert(close.begin(), object ? '}' : ']');
  }
  CHECK_TRUE(Walk(open + close).ok());
  for (size_t i = 0; i < close.size(); ++i) {
    std::string wrong = close;
    wrong[i] = wrong[i] == '}' ? ']' : '}';
    CHECK_FALSE(Walk(open + wrong).ok());
  }
}

TEST(JsonWalker, SaysWhatAndWhere) {
  CheckRefused("", "the document is empty at byte 0");
  CheckRefused(" \t\n\r ", "the document is empty at byte 5");
  CheckRefused(" []", "the document is not a JSON object at byte 1");
  CheckRefused("null", "the document is not a JSON object at byte 0");
  CheckRefused("\"{}\"", "the document is not a JSON object at byte 0");
  CheckRefused("{}{}", "something follows the document at byte 2");
  CheckRefused(R"({"a":1 )", "the document is cut off at byte 7");
  CheckRefused(R"({"a":"b)", "the document is cut off at byte 7");
  CheckRefused(R"({"a":"b\)", "the document is cut off at byte 8");
  CheckRefused(R"({"a" 1})", "':' expected at byte 5");
  CheckRefused(R"({"a":1;})", "',' or '}' expected at byte 6");
  CheckRefused(R"({"a":[1:2]})", "',' or ']' expected at byte 7");
  CheckRefused(R"({"a":[1,]})", "a value expected at byte 8");
  CheckRefused(R"({"a":tru})", "a value expected at byte 5");
  CheckRefused(R"({"a":-})", "a digit expected at byte 6");
  CheckRefused(R"({"a":1.x})", "a digit expected at byte 7");
  CheckRefused("{\"a\":\"\x01\"}", "a control character in a string at byte 6");
  CheckRefused("{\"a\":\"b\xFF\"}", "not UTF-8 at byte 7");
  CheckRefused(R"({"a":"\q"})", "an unknown escape at byte 6");
  CheckRefused(R"({"a":"\u12"})", "an incomplete \\u escape at byte 6");
}

TEST(JsonWalker, ReportsTheOuterLevels) {
  const std::string text = R"({"a":{"b":[1,{"c":2}],"d":"x\n"},"e":[],"f":true,"g":-1.5,"h":{}})";
  const auto walk = [&](size_t depth) {
    Recorder recorder;
    CHECK_TRUE(WalkJson(text, {512, depth}, &recorder).ok());
    return recorder.log;
  };
  STRCMP_EQUAL("", walk(0).c_str());
  STRCMP_EQUAL("1Ka 1O 1C 1Ke 1A 1C 1Kf 1T 1Kg 10-1.5 1Kh 1O 1C ", walk(1).c_str());
  STRCMP_EQUAL("1Ka 1O 2Kb 2A 2C 2Kd 2Sx\\n 1C 1Ke 1A 1C 1Kf 1T 1Kg 10-1.5 1Kh 1O 1C ",
               walk(2).c_str());
  STRCMP_EQUAL(
      "1Ka 1O 2Kb 2A 301 3O 4Kc 402 3C 2C 2Kd 2Sx\\n 1C 1Ke 1A 1C 1Kf 1T 1Kg 10-1.5 1Kh 1O 1C ",
      walk(9).c_str());
}

TEST(JsonWalker, ASinkEndsTheWalk) {
  Recorder recorder;
  recorder.refuse = "b";
  const Status key = WalkJson(std::string(R"({"a":1, "b":2,"c":3})"), {}, &recorder);
  STRCMP_EQUAL("refused key at byte 8", key.detail().c_str());
  STRCMP_EQUAL("1Ka 101 1Kb ", recorder.log.c_str());
  const Status value = WalkJson(std::string(R"({"a": "b","c":3})"), {}, &recorder);
  STRCMP_EQUAL("refused value at byte 6", value.detail().c_str());
}

}  // namespace stateward
