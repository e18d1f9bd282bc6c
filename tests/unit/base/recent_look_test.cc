#include "base/recent_look.h"

#include <CppUTest/TestHarness.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "doubles/fake_clock.h"

namespace stateward {

TEST_GROUP(RecentLook) {
  FakeClock clock;
  std::atomic<int> looks{0};
  RecentLook<int> look{clock, 2000 * 1000, [this] { return ++looks; }};
};

TEST(RecentLook, IsSharedUntilItIsOld) {
  for (int i = 0; i < 1000; ++i) LONGS_EQUAL(1, look.Get());
  clock.Advance(1999);
  LONGS_EQUAL(1, look.Get());
  clock.Advance(1);
  LONGS_EQUAL(2, look.Get());
  LONGS_EQUAL(2, look.Get());
  look.Forget();
  LONGS_EQUAL(3, look.Get());
}

// The age is counted from the beginning of a look.
TEST(RecentLook, ASlowOneIsOldWhenItEnds) {
  RecentLook<int> slow(clock, 2000 * 1000, [this] {
    clock.Advance(3000);
    return ++looks;
  });
  LONGS_EQUAL(1, slow.Get());
  LONGS_EQUAL(2, slow.Get());
}

TEST(RecentLook, OneThatStandsStillHoldsOneThread) {
  std::promise<void> entered;
  std::promise<void> go_on;
  std::shared_future<void> wait = go_on.get_future().share();
  std::atomic<bool> stands_still{false};
  RecentLook<int> hung(clock, 2000 * 1000, [&] {
    if (stands_still) {
      entered.set_value();
      wait.wait();
    }
    return ++looks;
  });
  LONGS_EQUAL(1, hung.Get());
  clock.Advance(2000);
  stands_still = true;
  std::thread looker([&] { hung.Get(); });
  entered.get_future().wait();
  LONGS_EQUAL(1, hung.Get());  // the answer before it, at once
  go_on.set_value();
  looker.join();
  LONGS_EQUAL(2, hung.Get());
}

TEST(RecentLook, TheFirstIsWaitedForByAll) {
  std::vector<std::thread> askers;
  std::atomic<int> same{0};
  askers.reserve(8);
  for (int i = 0; i < 8; ++i) {
    askers.emplace_back([this, &same] { same += look.Get() == 1 ? 1 : 0; });
  }
  for (std::thread& asker : askers) asker.join();
  LONGS_EQUAL(8, same);
  LONGS_EQUAL(1, looks);
}

}  // namespace stateward
