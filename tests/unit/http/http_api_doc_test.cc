// docs/http-api.md has each status and each refusal that the tables of answers have, and no other.
#include <CppUTest/TestHarness.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "http/status_map.h"
#include "state/refusal.h"

namespace stateward {
namespace {

// The first cells of the table below this heading.
std::set<std::string> Rows(const std::string& heading, size_t cells) {
  std::ifstream in("docs/http-api.md");
  std::set<std::string> rows;
  std::string line;
  bool here = false;
  while (std::getline(in, line)) {
    if (line == heading) here = true;
    if (here && line.empty() && !rows.empty()) break;
    if (!here || line.rfind("| ", 0) != 0 || line.rfind("| ---", 0) == 0) continue;
    size_t end = 0;
    for (size_t i = 0; i < cells; ++i) end = line.find(" |", end + 1);
    rows.insert(line.substr(0, end));
  }
  return rows;
}

void AreRows(const std::set<std::string>& want, std::set<std::string> rows) {
  for (const std::string& row : want) CHECK_TEXT(rows.erase(row) == 1, row.c_str());
  for (const std::string& row : rows) FAIL(row.c_str());
}

}  // namespace

TEST_GROUP(HttpApiDoc){};

TEST(HttpApiDoc, EachStatusIsThere) {
  std::set<std::string> want = {"| status"};
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code) {
    const int status = ToHttp(static_cast<Code>(code)).status;
    if (status >= 400) want.insert("| " + std::to_string(status));
  }
  AreRows(want, Rows("| status | meaning |", 1));
}

TEST(HttpApiDoc, EachRefusalIsThere) {
  std::set<std::string> want = {"| status | `reason` begins with"};
  for (int i = 1; i < kRefusals; ++i) {
    const RefusalText& text = TextOf(static_cast<Refusal>(i));
    want.insert("| " + std::to_string(ToHttp(text.code).status) + " | " + std::string(text.why));
  }
  AreRows(want, Rows("| status | `reason` begins with | to | what to do |", 2));
}

}  // namespace stateward
