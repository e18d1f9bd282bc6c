#include "s3/s3_xml.h"

#include <CppUTest/TestHarness.h>

#include <string>

namespace stateward {
namespace {

bool IsXml(const std::string& text) {
  return WalkXml(text, [](std::string_view, std::string_view) {});
}

}  // namespace

TEST_GROUP(S3Xml){};

TEST(S3Xml, ElementsAndTheirText) {
  const std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- x --><A xmlns=\"http://s3/>\"><B/>"
      "<C a='1' b=\"2\">x &lt;&amp;&#65;&#xfc;</C >\n<C>second</C></A>\n";
  STRCMP_EQUAL("x <&A\xc3\xbc", XmlText(text, "A/C").c_str());
  STRCMP_EQUAL("", XmlText(text, "A/B").c_str());
  STRCMP_EQUAL("", XmlText(text, "C").c_str());
}

// For all possible truncations: not a document. So a cut answer is never taken for a whole one.
TEST(S3Xml, EveryTruncationIsNoDocument) {
  const std::string text =
      "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Key>a</Key></Error>";
  CHECK(IsXml(text));
  for (size_t n = 0; n < text.size(); ++n) {
    CHECK_FALSE(IsXml(text.substr(0, n)));
    STRCMP_EQUAL("", XmlText(text.substr(0, n), "Error/Code").c_str());
  }
}

TEST(S3Xml, RefusesWhatIsNoAnswerOfAService) {
  for (const char* text : {"",
                           " ",
                           "NoSuchKey",
                           "<!DOCTYPE html><html></html>",
                           "<a></b>",
                           "<a><b></a></b>",
                           "<a/><a/>",
                           "<a></a>x",
                           "x<a/>",
                           "<a>&nbsp;</a>",
                           "<a>&#0;</a>",
                           "<a>&lt</a>",
                           "<a b></a>",
                           "<a b=c></a>",
                           "<a b='c></a>",
                           "</a>",
                           "<a><![CDATA[x]]></a>",
                           "< a></a>",
                           "<a",
                           "<>",
                           "<a>&#x110000;</a>"}) {
    CHECK_FALSE_TEXT(IsXml(text), text);
  }
  std::string deep;
  for (int i = 0; i < 17; ++i) deep += "<a>";
  for (int i = 0; i < 17; ++i) deep += "</a>";
  CHECK_FALSE(IsXml(deep));
}

}  // namespace stateward
