#include "base/json_text.h"

#include <CppUTest/TestHarness.h>

#include <string>
#include <string_view>
#include <vector>

namespace stateward {

TEST_GROUP(JsonText){};

TEST(JsonText, Unescapes) {
  STRCMP_EQUAL("", JsonUnescape("").c_str());
  STRCMP_EQUAL("plain\xC3\xA9", JsonUnescape("plain\xC3\xA9").c_str());
  STRCMP_EQUAL("\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xC3\xA9",
               JsonUnescape(R"(\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\uD83D\ude00)"
                            "\xC3\xA9")
                   .c_str());
  CHECK_TRUE(JsonUnescape(R"(a\u0000b)") == std::string("a\0b", 3));
}

TEST(JsonText, LoneSurrogatesAreReplaced) {
  const std::string replaced = "\xEF\xBF\xBD";
  CHECK_TRUE(JsonUnescape(R"(\ud800)") == replaced);
  CHECK_TRUE(JsonUnescape(R"(\udc00\ud800)") == replaced + replaced);
  CHECK_TRUE(JsonUnescape(R"(\ud800\ud83d\ude00)") == replaced + "\xF0\x9F\x98\x80");
  CHECK_TRUE(JsonUnescape(R"(\ud800\u0041)") == replaced + "A");
  CHECK_TRUE(JsonUnescape(R"(\ud800\n)") == replaced + "\n");
  CHECK_TRUE(JsonUnescape(R"(\ud800abcdefgh)") == replaced + "abcdefgh");
}

TEST(JsonText, StaysWithinItsBytes) {
  for (const char* text : {R"(\ud800)", R"(\ud800\n)", R"(\ud800\\u)", "\xF0\x9F\x98\x80"}) {
    const std::string_view view(text);
    const std::vector<char> exact(view.begin(), view.end());  // for AddressSanitizer
    CHECK_TRUE(JsonUnescape({exact.data(), exact.size()}) == JsonUnescape(view));
  }
}

TEST(JsonText, FoldsAsGoDoes) {
  CHECK_TRUE(JsonKeyFoldsTo("serial", "serial"));
  CHECK_TRUE(JsonKeyFoldsTo("SeRiAL", "serial"));
  CHECK_TRUE(
      JsonKeyFoldsTo("\xC5\xBF"
                     "erial",
                     "serial"));
  CHECK_TRUE(JsonKeyFoldsTo(R"(\u017Fer\u0049al)", "serial"));
  CHECK_TRUE(JsonKeyFoldsTo("\xE2\x84\xAA", "k"));
  CHECK_FALSE(JsonKeyFoldsTo("seria", "serial"));
  CHECK_FALSE(JsonKeyFoldsTo("serials", "serial"));
  CHECK_FALSE(JsonKeyFoldsTo("", "serial"));
  CHECK_FALSE(
      JsonKeyFoldsTo("ser\xC4\xB1"
                     "al",
                     "serial"));  // dotless i: no fold of i
  CHECK_FALSE(
      JsonKeyFoldsTo("ser\xC4\xB0"
                     "al",
                     "serial"));  // I with a dot: neither
  STRCMP_EQUAL("abk\xC3\x89s", JsonFold("AB\xE2\x84\xAA\xC3\x89\\u017f").c_str());
}

}  // namespace stateward
