// Whether a process lives, beyond its number.
#include "base/process.h"

#include <CppUTest/TestHarness.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace stateward {
namespace {

// A child that waits to be killed, and writes down who it is.
class Child {
 public:
  Child() {
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_ = fork();
    if (pid_ == 0) {
      const ProcessId self = SelfProcess();
      (void)!write(ends[1], &self, sizeof self);
      for (;;) pause();
    }
    CHECK(read(ends[0], &id_, sizeof id_) == static_cast<ssize_t>(sizeof id_));
    close(ends[0]);
    close(ends[1]);
  }
  ~Child() { Reap(); }
  const ProcessId& id() const { return id_; }
  // It has ended when this returns; its parent has not heard of it.
  void Kill() const {
    kill(pid_, SIGKILL);
    siginfo_t ended;
    waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT);
  }
  void Reap() {
    if (pid_ <= 0) return;
    Kill();
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
  ProcessId id_;
};

}  // namespace

TEST_GROUP(LifeWatch){};
TEST_GROUP(LifeWatchTsan){};

TEST(LifeWatchTsan, ThreadsAskAboutOneThatEnds) {
  LifeWatch watch;
  Child child;
  std::atomic<int> wrong{0};
  std::atomic<bool> ended{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      while (!ended) {
        if (!watch.IsAlive(SelfProcess())) ++wrong;
        (void)watch.IsAlive(child.id());
      }
      if (watch.IsAlive(child.id())) ++wrong;
    });
  }
  child.Kill();
  ended = true;
  for (std::thread& thread : threads) thread.join();
  LONGS_EQUAL(0, wrong.load());
}

TEST(LifeWatch, OneThatLivesUntilItEnds) {
  LifeWatch watch;
  Child child;
  CHECK(watch.IsAlive(SelfProcess()));
  for (int i = 0; i < 3; ++i) CHECK(watch.IsAlive(child.id()));
  child.Kill();
  CHECK_FALSE(watch.IsAlive(child.id()));
  child.Reap();
  for (int i = 0; i < 3; ++i) CHECK_FALSE(watch.IsAlive(child.id()));
  CHECK(watch.IsAlive(SelfProcess()));
}

TEST(LifeWatch, OneThatHadEndedWhenItWasAskedAboutFirst) {
  LifeWatch watch;
  Child child;
  child.Kill();
  CHECK_FALSE(watch.IsAlive(child.id()));
}

TEST(LifeWatch, AnotherProcessWithTheSameNumber) {
  LifeWatch watch;
  const ProcessId self = SelfProcess();
  CHECK_FALSE(watch.IsAlive({self.pid, self.start + 1}));
  CHECK(watch.IsAlive(self));
  CHECK_FALSE(watch.IsAlive({self.pid, self.start + 1}));
  CHECK_FALSE(watch.IsAlive({0, 0}));
}

TEST(LifeWatch, WhoseChildItIs) {
  const Child child;
  const Child other;
  const auto self = static_cast<uint32_t>(getpid());
  CHECK(IsWithin(self, self));
  CHECK(IsWithin(child.id().pid, self));
  CHECK(IsWithin(child.id().pid, static_cast<uint32_t>(getppid())));
  CHECK_FALSE(IsWithin(child.id().pid, other.id().pid));
  CHECK_FALSE(IsWithin(self, child.id().pid));
  CHECK_FALSE(IsWithin(0x7ffffff0, self));  // no such process
}

TEST(LifeWatch, MoreProcessesThanItKeeps) {
  LifeWatch watch;
  const ProcessId self = SelfProcess();
  Child first;
  CHECK(watch.IsAlive(first.id()));
  std::vector<std::unique_ptr<Child>> others;
  for (int i = 0; i < 70; ++i) {
    others.push_back(std::make_unique<Child>());
    CHECK(watch.IsAlive(others.back()->id()));
  }
  CHECK(watch.IsAlive(self) && watch.IsAlive(first.id()));
  first.Kill();
  others.front()->Kill();
  CHECK_FALSE(watch.IsAlive(first.id()));
  CHECK_FALSE(watch.IsAlive(others.front()->id()));
  CHECK(watch.IsAlive(others.back()->id()));
}

}  // namespace stateward
