// docs/settings.md and conf/stateward.env say what the table says: no setting is missing or extra.
#include <CppUTest/TestHarness.h>

#include <fstream>
#include <sstream>
#include <string>

#include "config/settings.h"

namespace stateward {
namespace {

std::string ReadText(const char* path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_GROUP(SettingsDoc){};

TEST(SettingsDoc, EachSettingHasItsEntry) {
  std::string doc = ReadText("docs/settings.md");
  for (const Setting& row : Settings()) {
    std::string entry = "\n### " + std::string(row.name) + "\n\n" + std::string(row.meaning) +
                        "\n\nType: " + std::string(TypeName(row.type));
    CHECK_TEXT(doc.find(entry) != std::string::npos, entry.c_str());
    std::string fallback = row.fallback.empty() ? "none" : "`" + std::string(row.fallback) + "`";
    size_t from = doc.find(entry);
    size_t end = doc.find("\n### ", from + 1);
    std::string text = doc.substr(from, end - from);
    CHECK_TEXT(text.find("Default: " + fallback) != std::string::npos, text.c_str());
    CHECK_TEXT((text.find("; reload.") != std::string::npos) == row.reload, text.c_str());
    CHECK_TEXT((text.find(", secret") != std::string::npos) == row.secret, text.c_str());
  }
  LONGS_EQUAL(Settings().size, Count(doc, "\n### "));
}

TEST(SettingsDoc, TheExampleFileHasEachDefault) {
  std::string text = ReadText("conf/stateward.env");
  for (const Setting& row : Settings()) {
    std::string line = "\n#" + std::string(row.name) + "=" + std::string(row.fallback) + "\n";
    CHECK_TEXT(text.find(line) != std::string::npos, line.c_str());
  }
}

}  // namespace stateward
