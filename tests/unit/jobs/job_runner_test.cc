#include "jobs/job_runner.h"

#include <CppUTest/TestHarness.h>
#include <dirent.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

#include "doubles/eventually.h"
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

// The lease is another host's that is at work: each look finds it a step further.
class HeldStore : public MemStorage {
 public:
  // REQUIRES: the store is made.
  bool Hold() { return *ExchangeLease("jobs", {}, StoreLease::Format({kHolder, 1, true})); }
  Result<Bytes> ReadLease(const std::string& name) override {
    Result<Bytes> now = MemStorage::ReadLease(name);
    std::optional<StoreLease::Text> text = now.ok() ? StoreLease::Parse(*now) : std::nullopt;
    if (!at_work_ || !text || text->holder != kHolder) return now;
    ++text->step;
    (void)ExchangeLease(name, *now, StoreLease::Format(*text));
    return MemStorage::ReadLease(name);
  }
  // False: it was read just now; the caller tries again.
  bool GiveUp() {
    at_work_ = false;
    const Bytes now = *ReadLease("jobs");
    return *ExchangeLease("jobs", now, StoreLease::Format({"", 1000000, true}));
  }

 private:
  const std::string kHolder = std::string(32, 'a');
  std::atomic<bool> at_work_{true};
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
  static void WaitFor(const std::function<bool()>& what) { CHECK(Eventually(what)); }
};

TEST(JobRunner, OneOfTheHostDoesThemAndAnotherGoesOn) {
  Seen first, second;
  std::unique_ptr<JobRunner> owner = Start(first);
  WaitFor([&] { return JobBoard::Read(dir).jobs["fake"].runs == 1; });
  std::unique_ptr<JobRunner> standby = Start(second);
  usleep(20000);
  LONGS_EQUAL(0, second.steps);
  standby->Restart();  // means nothing where no jobs are done
  static_assert(JobRunner::kAskAgainMs < 10000, "the jobs of a host rest for seconds only");
  owner.reset();
  WaitFor([&] { return JobBoard::Read(dir).jobs["fake"].runs == 2; });
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
  const std::string lock = std::string(dir) + "/jobs.lock";
  unlink(lock.c_str());
  std::unique_ptr<JobRunner> standby = Start(second);
  WaitFor([&] { return access(lock.c_str(), F_OK) == 0; });
  // Whoever was first has it now, and the other one goes on behind him.
  owner.reset();
  WaitFor([&] { return second.steps == 1; });
  LONGS_EQUAL(1, first.steps);
  CHECK(access(lock.c_str(), F_OK) == 0);
}

// The standby of the host does none of them; a host that waits does those that each host does.
TEST(JobRunner, TheStoresJobsAreDoneByTheHolderOfItsLease) {
  Seen seen;
  seen.scope = JobScope::kStore;
  HeldStore store;
  StoreGate its_gate(store, locker);
  CHECK(its_gate.Init(false, *kms).ok() && store.Hold());
  parts = std::make_shared<JobParts>(
      JobParts{store, locker, *kms, its_gate, {}, {}, SystemClock(), log});
  std::unique_ptr<JobRunner> runner = Start(seen);
  WaitFor([&] { return JobBoard::Read(dir).found.count(kJobsOfStore) == 1; });
  LONGS_EQUAL(0, JobBoard::Read(dir).found[kJobsOfStore]);
  LONGS_EQUAL(0, seen.steps);
  WaitFor([&] { return store.GiveUp(); });
  WaitFor([&] { return seen.steps == 1; });
  WaitFor([&] { return JobBoard::Read(dir).found[kJobsOfStore] == 1; });
  runner.reset();
  // It was given up.
  CHECK(StoreLease::Parse(*store.ReadLease("jobs"))->holder.empty());
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
