// What bodies and answers are charged, and the buffer that they arrive in.
#include "fcgi/memory.h"

#include <CppUTest/TestHarness.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fcgi/body_buffer.h"
#include "fcgi/progress.h"

namespace stateward {
namespace {

constexpr uint64_t kLimit = 1600;  // 100 of them are kept for small ones

std::unique_ptr<Memory::Charge> Large(Memory& memory, const char* whose) {
  auto charge = std::make_unique<Memory::Charge>(memory);
  charge->Belongs(whose, false);
  return charge;
}

}  // namespace

TEST_GROUP(Memory){};

TEST(Memory, SmallOnesAlwaysHaveRoom) {
  Memory memory(kLimit, 100);
  auto first = Large(memory, "a");
  auto second = Large(memory, "b");
  CHECK(first->Grow(1000));
  CHECK(second->Fits(500));
  CHECK_FALSE(second->Fits(501));
  CHECK(second->Grow(500));
  CHECK_FALSE(second->Grow(1));
  Memory::Charge lock(memory);
  CHECK(lock.Grow(100));
  CHECK_FALSE(lock.Grow(1));
  second.reset();
  LONGS_EQUAL(1100, memory.Used());
}

TEST(Memory, APrincipalHasAShare) {
  Memory memory(kLimit, 50);
  auto one = Large(memory, "a");
  auto two = Large(memory, "a");
  auto other = Large(memory, "b");
  CHECK(other->Grow(10));
  CHECK(one->Grow(700));
  CHECK_FALSE(two->Grow(101));
  CHECK(two->Grow(100));
  CHECK_FALSE(two->Grow(1));
  CHECK(other->Grow(600));
  two.reset();
  CHECK(one->Grow(50));
}

// It is as large as MAX_STATE_BYTES lets it be: refused now, it would be refused for ever.
TEST(Memory, OneAloneIsNeverRefused) {
  Memory memory(kLimit, 10);
  auto huge = Large(memory, "a");
  CHECK(huge->Grow(5000));
  auto another = Large(memory, "b");
  CHECK_FALSE(another->Grow(1));
  huge.reset();
  CHECK(another->Grow(5000));
}

TEST(Memory, WhatCameBeforeThePrincipalWasKnownCounts) {
  Memory memory(kLimit, 50);
  auto other = Large(memory, "b");
  CHECK(other->Grow(1));
  Memory::Charge early(memory);
  CHECK(early.Grow(60));
  early.Belongs("a", false);
  auto more = Large(memory, "a");
  CHECK_FALSE(more->Grow(741));
  CHECK(more->Grow(740));
  early.Release();
  more->Release();
  other->Release();
  LONGS_EQUAL(0, memory.Used());
}

TEST_GROUP(MemoryTsan){};

TEST(MemoryTsan, NeverBeyondItsLimit) {
  Memory memory(kLimit, 100);
  std::atomic<int64_t> held{0};
  std::atomic<bool> bad{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        Memory::Charge charge(memory);
        charge.Belongs(std::to_string(t % 2), true);
        if (!charge.Grow(500)) continue;
        if ((held += 500) > 1600) bad = true;
        held -= 500;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(bad);
  LONGS_EQUAL(0, memory.Used());
}

TEST_GROUP(BodyBuffer){};

TEST(BodyBuffer, GrowsInAnyPieces) {
  for (size_t piece : {size_t{1000}, size_t{65535}, BodyBuffer::kMapped, size_t{3000001}}) {
    BodyBuffer body;
    std::string want;
    for (int i = 0; i < 40 && want.size() < (size_t{9} << 20); ++i) {
      const std::string more(piece, static_cast<char>('a' + i % 26));
      CHECK(body.Append(more));
      want += more;
    }
    CHECK(body.view() == ByteView(want));
    body.Clear();
    LONGS_EQUAL(0, body.size());
    CHECK(body.Append(std::string("again")));
    CHECK(body.view() == ByteView(std::string("again")));
  }
}

TEST_GROUP(Progress){};

TEST(Progress, SoManyBytesInSoManySeconds) {
  constexpr int64_t kSecond = 1000000;
  LeastRate rate{10, 60};
  Progress progress;
  progress.Start(0);
  progress.Add(600);
  CHECK_FALSE(progress.TooSlow(59 * kSecond, rate));
  CHECK_FALSE(progress.TooSlow(60 * kSecond, rate));
  // The next stretch counts for itself.
  progress.Add(599);
  CHECK_FALSE(progress.TooSlow(119 * kSecond, rate));
  CHECK(progress.TooSlow(120 * kSecond, rate));
}

}  // namespace stateward
