#include "cli/text_table.h"

#include <CppUTest/TestHarness.h>

#include <cstdio>
#include <string>

#include "admin/reply_json.h"

namespace stateward {
namespace {

constexpr Column kColumns[] = {
    {"name", ColumnKind::kText, "NAME", ""},
    {"size", ColumnKind::kBytes, "SIZE", ""},
    {"time", ColumnKind::kTime, "TIME", ""},
    {"hidden", ColumnKind::kText, "HIDDEN", "", ColumnShown::kJsonOnly},
    {"tags", ColumnKind::kTexts, "TAGS", ""},
    {"held", ColumnKind::kFlag, "HELD", ""},
    {"count", ColumnKind::kNumber, "COUNT", ""},
};

Row RowOf(const std::string& name, uint64_t size) {
  return {
      name, size,   int64_t{1764000000000}, std::string("h"), std::vector<std::string>{"a", "b"},
      true, Value()};
}

}  // namespace

TEST_GROUP(TextTable) {
  FILE* file = std::tmpfile();
  void teardown() override { std::fclose(file); }

  std::string Written() {
    std::string text;
    std::rewind(file);
    for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
    return text;
  }
};

TEST(TextTable, ColumnsAreAsWideAsTheirWidestCell) {
  TextTable table(file, kColumns, 0);
  table.Add(RowOf("net/prod", 1536));
  table.Add(RowOf("a\x1b[2J", 3));
  table.Finish();
  STRCMP_EQUAL(
      "NAME         SIZE  TIME                  TAGS  HELD  COUNT\n"
      "net/prod  1.5 KiB  2025-11-24T16:00:00Z  a, b  yes       -\n"
      "a\\x1b[2J      3 B  2025-11-24T16:00:00Z  a, b  yes       -\n",
      Written().c_str());
}

TEST(TextTable, AColumnThatNobodyFillsStaysOut) {
  constexpr Column kSome[] = {
      {"name", ColumnKind::kText, "NAME", ""},
      {"note", ColumnKind::kText, "NOTE", "", ColumnShown::kFilled},
      {"why", ColumnKind::kText, "WHY", "", ColumnShown::kFilled},
  };
  TextTable table(file, kSome, 0);
  table.Add({std::string("a"), Value(), Value()});
  table.Add({std::string("b"), Value(), std::string("so")});
  table.Finish();
  STRCMP_EQUAL("NAME  WHY\na     -\nb     so\n", Written().c_str());
}

TEST(TextTable, TextGivesWayOnANarrowTerminal) {
  TextTable table(file, kColumns, 60);
  table.Add(RowOf("a-project/with-a-very-long-name-indeed", 1));
  table.Finish();
  const std::string text = Written();
  STRCMP_CONTAINS("a-project/wi…", text.c_str());
  STRCMP_CONTAINS("2025-11-24T16:00:00Z", text.c_str());
  LONGS_EQUAL(60, text.find('\n'));
}

TEST(TextTable, NoRowsNoHead) {
  TextTable(file, kColumns, 80).Finish();
  STRCMP_EQUAL("", Written().c_str());
}

TEST(TextTable, LongListsArePrintedAsTheyCome) {
  TextTable table(file, kColumns, 0);
  for (size_t i = 0; i < TextTable::kMeasured + 1; ++i) table.Add(RowOf("n", i));
  CHECK(Written().size() > TextTable::kMeasured);
}

TEST(TextTable, OneRowIsAList) {
  PrintRow(file, kColumns, RowOf("n", 1));
  STRCMP_CONTAINS("NAME    n\nSIZE    1 B\n", Written().c_str());
  STRCMP_CONTAINS("HIDDEN  h\n", Written().c_str());
}

TEST(TextTable, BytesInTheirUnit) {
  STRCMP_EQUAL("1023 B", ShownBytes(1023).c_str());
  STRCMP_EQUAL("1.0 KiB", ShownBytes(1024).c_str());
  STRCMP_EQUAL("1.0 MiB", ShownBytes(1048575).c_str());
  STRCMP_EQUAL("16.0 EiB", ShownBytes(UINT64_MAX).c_str());
}

TEST(TextTable, JsonHasEveryColumn) {
  JsonWriter json;
  WriteRow(kColumns, RowOf("n", 1536), &json);
  STRCMP_EQUAL(R"({"name":"n","size":1536,"time":"2025-11-24T16:00:00Z","hidden":"h",)"
               R"("tags":["a","b"],"held":true,"count":null})",
               json.text().c_str());
}

}  // namespace stateward
