#include "base/counted.h"

#include <CppUTest/TestHarness.h>

using namespace stateward;

TEST_GROUP(Counted){};

TEST(Counted, OneIsNoPlural) {
  STRCMP_EQUAL("0 states", Counted(0, "state").c_str());
  STRCMP_EQUAL("1 state", Counted(1, "state").c_str());
  STRCMP_EQUAL("2 states", Counted(2, "state").c_str());
  STRCMP_EQUAL("1 lock is", Counted(1, "lock is", "locks are").c_str());
  STRCMP_EQUAL("18446744073709551615 locks are",
               Counted(~uint64_t{0}, "lock is", "locks are").c_str());
}
