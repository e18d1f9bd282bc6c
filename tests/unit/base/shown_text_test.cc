#include "base/shown_text.h"

#include <CppUTest/TestHarness.h>

#include <string>

namespace stateward {

TEST_GROUP(ShownText){
    void Is(const char* want, std::string_view text){STRCMP_EQUAL(want, ShownText(text).c_str());
}
}
;

TEST(ShownText, WhatMovesACursorIsEscaped) {
  Is("plain äöü 你好", "plain äöü 你好");
  Is("\\x1b[31mred", "\x1b[31mred");
  Is("a\\x0ab\\x0dc\\x09", "a\nb\rc\t");
  Is("\\x00\\x7f", std::string_view("\0\x7f", 2));
  Is("\\u0085\\u009b1m", "\xc2\x85\xc2\x9b\x31m");  // C1 controls as UTF-8
  Is("a\\u202eb\\u2066",
     "a\xe2\x80\xae"
     "b\xe2\x81\xa6");
  Is("\\u2028\\u200b\\ufeff", "\xe2\x80\xa8\xe2\x80\x8b\xef\xbb\xbf");
  Is("\\U000e0041", "\xf3\xa0\x81\x81");
}

TEST(ShownText, BytesThatAreNoUtf8AreEscaped) {
  Is("\\xff\\xc3", "\xff\xc3");
  Is("\\x9b1m", "\x9b\x31m");  // C1 as a byte
  Is("\\xed\\xa0\\x80", "\xed\xa0\x80");
}

TEST(ShownText, WidthIsInColumns) {
  LONGS_EQUAL(3, ShownWidth("abc"));
  LONGS_EQUAL(3, ShownWidth("äöü"));
  LONGS_EQUAL(4, ShownWidth("你好"));
  LONGS_EQUAL(1, ShownWidth("e\xcc\x81"));  // with a combining accent
  LONGS_EQUAL(2, ShownWidth("\xf0\x9f\x98\x80"));
}

TEST(ShownText, WhatIsTooWideIsCutBetweenCharacters) {
  STRCMP_EQUAL("abc", CutToWidth("abc", 3).c_str());
  STRCMP_EQUAL("ab…", CutToWidth("abcd", 3).c_str());
  STRCMP_EQUAL("你…", CutToWidth("你好吗", 4).c_str());
  STRCMP_EQUAL("…", CutToWidth("你好", 1).c_str());
}

}  // namespace stateward
