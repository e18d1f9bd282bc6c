// What is counted has the names that its callers use.
#include "metrics/counters.h"

#include <CppUTest/TestHarness.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "state/refusal.h"

namespace stateward {

TEST_GROUP(Counters){};

TEST(Counters, EachRefusalOfAWriteHasASeries) {
  for (int i = 1; i <= static_cast<int>(Refusal::kNameTakenOver); ++i) {
    const std::string name(NameOf(static_cast<Refusal>(i)));
    CHECK_TEXT(name != "other", "a refusal without a name");
    CHECK_TEXT(std::find(std::begin(counters::kRefusals), std::end(counters::kRefusals), name) !=
                   std::end(counters::kRefusals),
               name.c_str());
  }
}

}  // namespace stateward
