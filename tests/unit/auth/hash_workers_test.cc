#include "auth/hash_workers.h"

#include <CppUTest/TestHarness.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace stateward {
namespace {

// A hash that lasts until the test lets it go.
class SlowHash {
 public:
  Result<bool> operator()(const SecretString& password, const std::string&) {
    std::unique_lock<std::mutex> hold(mutex_);
    ++running_;
    changed_.notify_all();
    changed_.wait(hold, [this] { return open_; });
    --running_;
    return password.Reveal() == "right";
  }
  void WaitForRunning(int count) {
    std::unique_lock<std::mutex> hold(mutex_);
    changed_.wait(hold, [&] { return running_ == count; });
  }
  void Open() {
    std::lock_guard<std::mutex> hold(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int running_ = 0;
  bool open_ = false;
};

}  // namespace

TEST_GROUP(HashWorkersTsan) {
  SlowHash slow;
  std::vector<std::thread> threads;
  std::atomic<int> entered{0};
  std::atomic<int> refused{0};
  std::atomic<int> right{0};

  void Login(HashWorkers & hashes, const char* password) {
    threads.emplace_back([this, &hashes, password] {
      ++entered;
      Result<bool> verified = hashes.Verify(SecretString(password), "hash");
      if (!verified.ok() && verified.status().code() == Code::kOverloaded) ++refused;
      if (verified.ok() && *verified) ++right;
    });
  }
};

// Of 8 threads that serve requests, 6 wait for hashes at the most: 16 logins leave two for others.
TEST(HashWorkersTsan, OtherWaysInKeepTheirThreads) {
  HashWorkers hashes(8, [this](const SecretString& p, const std::string& h) { return slow(p, h); });
  for (int i = 0; i < 16; ++i) Login(hashes, i % 2 == 0 ? "right" : "wrong");
  while (refused < 10) std::this_thread::yield();
  slow.WaitForRunning(HashWorkers::kMaxThreads);
  LONGS_EQUAL(16, entered);
  slow.Open();
  for (std::thread& thread : threads) thread.join();
  LONGS_EQUAL(10, refused);
  CHECK(right <= 6);
}

TEST(HashWorkersTsan, OneThreadIsEnough) {
  slow.Open();
  HashWorkers hashes(1, [this](const SecretString& p, const std::string& h) { return slow(p, h); });
  CHECK(*hashes.Verify(SecretString("right"), "hash"));
  CHECK_FALSE(*hashes.Verify(SecretString("wrong"), "hash"));
}

}  // namespace stateward
