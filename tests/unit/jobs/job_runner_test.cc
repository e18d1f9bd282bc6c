#include "jobs/job_runner.h"

#include <CppUTest/TestHarness.h>
#include <dirent.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

#include "unit/jobs/job_fixture.h"

namespace stateward {
namespace {

struct Seen {
  std::atomic<int> steps{0};
  std::atomic<int> restarts{0};
  std::atomic<bool> fails{false};
  std::atomic<bool> until_the_end{false};
  JobScope scope = JobScope::kHost;
};

class FakeJob : public Job {
 public:
  explicit FakeJob(Seen& seen) : seen_(seen) {}
  std::string_view Name() const override { return "fake"; }
  JobScope Scope() const override { return seen_.scope; }
  void Restart() override { ++seen_.restarts; }
  std::map<std::string, uint64_t> Found() const override { return {{kName, 7}}; }
  JobStep Step(const JobParts&) override {
    ++seen_.steps;
    while (seen_.until_the_end && !Ending()) usleep(1000);
    if (seen_.fails) return {Status::Unavailable("it is down"), 3600000, false};
    return {Status(), 3600000, true};
  }
  static constexpr char kName[] = "stateward_damaged_states";

 private:
  Seen& seen_;
};

}  // namespace

TEST_GROUP_BASE(JobRunner, JobFixture) {
  char dir[40] = "/tmp/stateward-jobs-XXXXXX";
  std::shared_ptr<const JobParts> parts;

  void setup() override {
    CHECK(mkdtemp(dir) != nullptr);
    CHECK(gate.Init(false, *kms).ok());
    parts = std::make_shared<JobParts>(
        JobParts{storage, locker, *kms, gate, {}, {}, SystemClock(), log});
  }
  void teardown() override {
    for (const char* name : {"/jobs.lock", "/jobs-v1"}) unlink((std::string(dir) + name).c_str());
    CHECK(rmdir(dir) == 0);  // nothing else was left there
  }
  std::unique_ptr<JobRunner> Start(Seen & seen) {
    std::vector<std::unique_ptr<Job>> jobs;
    jobs.push_back(std::make_unique<FakeJob>(seen));
    return std::make_unique<JobRunner>(
        dir, std::move(jobs), [this] { return parts; }, SystemClock(), log);
  }
  static void WaitFor(const std::function<bool()>& what) {
    // Beyond it something is broken, not slow.
    const int64_t until = SystemClock().SteadyUs() + int64_t{60} * 1000 * 1000;
    while (!what() && SystemClock().SteadyUs() < until) usleep(1000);
    CHECK(what());
  }
};

TEST(JobRunner, OneOfTheHostDoesThemAndAnotherGoesOn) {
  Seen first, second;
  std::unique_ptr<JobRunner> owner = Start(first);
  WaitFor([&] { return JobBoard::Read(dir).jobs["fake"].runs == 1; });
  std::unique_ptr<JobRunner> standby = Start(second);
  usleep(20000);
  LONGS_EQUAL(0, second.steps);
  standby->Restart();  // means nothing where no jobs are done
  const int64_t gone_us = SystemClock().SteadyUs();
  owner.reset();
  WaitFor([&] { return JobBoard::Read(dir).jobs["fake"].runs == 2; });
  CHECK(SystemClock().SteadyUs() - gone_us < 10 * 1000 * 1000);
  LONGS_EQUAL(1, first.steps);
}

// Whose jobs would be done by nobody, and nothing would say so.
TEST(JobRunner, AFolderThatServesAnotherStoreIsTold) {
  MemStorage its;
  StoreGate its_gate(its, locker);
  CHECK(its_gate.Init(false, *kms).ok());
  const std::string own = (*gate.Store())->store_id;
  const std::string other = (*its_gate.Store())->store_id;
  STRCMP_EQUAL("", OtherStoreWarning(dir, own).c_str());
  Seen seen;
  std::unique_ptr<JobRunner> runner = Start(seen);
  WaitFor([&] { return !OtherStoreWarning(dir, other).empty(); });
  STRCMP_CONTAINS("no jobs are done for this store", OtherStoreWarning(dir, other).c_str());
  STRCMP_EQUAL("", OtherStoreWarning(dir, own).c_str());
}

// A step that the end of the process broke off has not seen the store.
TEST(JobRunner, WhatTheEndBrokeOffDoesNotCount) {
  Seen seen;
  std::unique_ptr<JobRunner> runner = Start(seen);
  WaitFor([&] { return JobBoard::Read(dir).jobs["fake"].runs == 1; });
  seen.until_the_end = true;
  runner->Restart();
  WaitFor([&] { return seen.steps == 2; });
  runner.reset();
  LONGS_EQUAL(1, JobBoard::Read(dir).jobs["fake"].runs);
}

// Of a store that is not there yet nothing fails: the start and /ready say what is missing.
TEST(JobRunner, WhereThereIsNoStoreJobsWait) {
  MemStorage none;
  StoreGate closed(none, locker);
  parts =
      std::make_shared<JobParts>(JobParts{none, locker, *kms, closed, {}, {}, SystemClock(), log});
  Seen seen;
  std::unique_ptr<JobRunner> runner = Start(seen);
  WaitFor([&] { return JobBoard::Read(dir).found.count(kJobsOfStore) == 1; });
  runner->Restart();
  CHECK(closed.Init(false, *kms).ok());
  WaitFor([&] { return JobBoard::Read(dir).jobs["fake"].runs >= 1; });
  LONGS_EQUAL(0, JobBoard::Read(dir).jobs["fake"].failures);
}

TEST(JobRunner, SettingsReadAnewBeginARound) {
  Seen seen;
  std::unique_ptr<JobRunner> runner = Start(seen);
  WaitFor([&] { return seen.steps == 1; });
  runner->Restart();
  WaitFor([&] { return seen.steps == 2; });
  LONGS_EQUAL(2, seen.restarts);  // one of them at the start
}

TEST(JobRunner, TheBoardTellsRunsFailuresAndFinds) {
  Seen seen;
  std::unique_ptr<JobRunner> runner = Start(seen);
  WaitFor([&] { return JobBoard::Read(dir).jobs["fake"].runs == 1; });
  seen.fails = true;
  runner->Restart();
  WaitFor([&] { return JobBoard::Read(dir).jobs["fake"].failures == 1; });
  JobBoard board = JobBoard::Read(dir);
  CHECK(board.jobs["fake"].last_success_ms > 0);
  CHECK(board.jobs["fake"].last_run_ms >= board.jobs["fake"].last_success_ms);
  LONGS_EQUAL(7, board.found[FakeJob::kName]);
  const std::string text = board.Metrics();
  CHECK(text.find("stateward_job_failures_total{name=\"fake\"} 1\n") != std::string::npos);
  CHECK(text.find("stateward_damaged_states 7\n") != std::string::npos);
}

TEST(JobRunner, TheLockFileThatSomebodyRemovedIsMadeAgain) {
  Seen first, second;
  std::unique_ptr<JobRunner> owner = Start(first);
  WaitFor([&] { return first.steps == 1; });
  unlink((std::string(dir) + "/jobs.lock").c_str());
  std::unique_ptr<JobRunner> standby = Start(second);
  WaitFor([&] { return first.steps + second.steps == 2; });
  // Whoever has the file now: the other one notices and does nothing more.
  CHECK(access((std::string(dir) + "/jobs.lock").c_str(), F_OK) == 0);
}

// The standby of the host does none of them; a host that waits does those that each host does.
TEST(JobRunner, TheStoresJobsAreDoneByTheHolderOfItsLease) {
  Seen seen;
  seen.scope = JobScope::kStore;
  const Bytes held = StoreLease::Format({std::string(32, 'a'), 1, true});
  CHECK(*storage.ExchangeLease("jobs", {}, held));
  std::unique_ptr<JobRunner> runner = Start(seen);
  WaitFor([&] { return JobBoard::Read(dir).found.count(kJobsOfStore) == 1; });
  LONGS_EQUAL(0, JobBoard::Read(dir).found[kJobsOfStore]);
  LONGS_EQUAL(0, seen.steps);
  CHECK(*storage.ExchangeLease("jobs", held, StoreLease::Format({"", 2, true})));
  WaitFor([&] { return seen.steps == 1; });
  WaitFor([&] { return JobBoard::Read(dir).found[kJobsOfStore] == 1; });
  runner.reset();
  // It was given up.
  CHECK(StoreLease::Parse(*storage.ReadLease("jobs"))->holder.empty());
}

TEST(JobRunner, EachProcessDoesItsOwn) {
  Seen first, second;
  first.scope = second.scope = JobScope::kProcess;
  std::unique_ptr<JobRunner> owner = Start(first);
  std::unique_ptr<JobRunner> standby = Start(second);
  WaitFor([&] { return first.steps == 1 && second.steps == 1; });
  standby->Restart();
  WaitFor([&] { return second.steps == 2; });
  CHECK(JobBoard::Read(dir).jobs.empty());
}

TEST(JobRunner, WithoutAFolderNothingIsDone) {
  Seen seen;
  std::vector<std::unique_ptr<Job>> jobs;
  jobs.push_back(std::make_unique<FakeJob>(seen));
  JobRunner runner(
      std::string(dir) + "/absent", std::move(jobs), [this] { return parts; }, SystemClock(), log);
  usleep(20000);
  LONGS_EQUAL(0, seen.steps);
}

}  // namespace stateward
