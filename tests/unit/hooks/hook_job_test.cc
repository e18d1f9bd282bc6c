// Events of the store, and a receiver that is down: by a clock of the test.
#include "hooks/hook_job.h"

#include <CppUTest/TestHarness.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "audit/audit_line.h"
#include "base/base64.h"
#include "conformance/kms_cases.h"
#include "hooks/hook_sender.h"
#include "hooks/store_watch.h"
#include "jobs/job_board.h"
#include "jobs/store_jobs.h"
#include "state/store_secret.h"
#include "unit/jobs/job_fixture.h"

namespace stateward {
namespace {

const StateId kId = StateId::Of({"", "net", "prod"});

}  // namespace

TEST_GROUP_BASE(Hooks, JobFixture) {
  std::string dir;
  JobBoard board;
  const SecretBytes secret = SecretBytes(32, 's');

  void setup() override {
    char name[] = "/tmp/stateward-hooks-XXXXXX";
    CHECK(mkdtemp(name) != nullptr);
    dir = name;
    MakeStore();
    SealSecret();
    Append({"", "net", "prod"});
  }
  void SealSecret() {
    const StoreIdentity made = *storage.ReadIdentity();
    StoreIdentity with = made;
    with.sealed_secret = *SealStoreSecret(*kms, with.store_id, with.format, secret);
    CHECK(storage.WriteIdentity(with, &made).ok());
  }
  void Append(const StateKey& key) {
    const StateId id = StateId::Of(key);
    SealedInfo info = kms_cases::InfoOf(std::string("{}"));
    info.key = key;
    CHECK((*storage.Append(id, 0, *kms->Seal({kStore, id, 1}, info, std::string("{}")))).appended);
  }
  JobParts Parts() { return {storage, locker, *kms, gate, {}, {}, clock, log, nullptr}; }
  void Lock(const std::string& id, const StateId& state = kId) {
    LockRecord want;
    want.id = id;
    want.principal = "user:ann";
    want.operation = "OperationTypeApply";
    const BaseFn base = [](const BaseAsk&) { return Result<uint64_t>(1); };
    CHECK(std::holds_alternative<Granted>(*locker.Acquire(state, want, base)));
  }
  // Ids and types of what comes up now, which is told then.
  std::string Look(StoreWatch & watch) {
    CHECK(board.Write(dir).ok());
    Result<std::vector<HookEvent>> events = watch.Look(Parts());
    CHECK(events.ok());
    std::string text;
    for (const HookEvent& event : *events) {
      text += event.type + " ";
      last = event;
      watch.Told(event.id);
    }
    more = watch.GoOn();
    return text;
  }
  HookEvent last;
  bool more = false;  // locks to look at
};

TEST(Hooks, ALockThatIsHeldForLongIsToldOnce) {
  StoreWatch watch(dir, 3600);
  Lock("a");
  board.found[kJobsOfStore] = 1;
  clock.Advance(3599 * 1000);
  STRCMP_EQUAL("", Look(watch).c_str());
  clock.Advance(1000);
  STRCMP_EQUAL("lock.stale ", Look(watch).c_str());
  CHECK(last.body.find(R"("state":"net/prod")") != last.body.npos);
  CHECK(last.body.find(R"("principal":"user:ann","lock_id":"a")") != last.body.npos);
  STRCMP_EQUAL("", Look(watch).c_str());
  const std::string id = last.id;
  StoreWatch next(dir, 3600);  // of a process that begins: once more, with the same id
  STRCMP_EQUAL("lock.stale ", Look(next).c_str());
  STRCMP_EQUAL(id.c_str(), last.id.c_str());
  // Another host does the jobs of the store.
  board.found[kJobsOfStore] = 0;
  StoreWatch other(dir, 3600);
  STRCMP_EQUAL("", Look(other).c_str());
}

TEST(Hooks, ALockOfANamespaceSaysWhichOneItIs) {
  const StateKey key{std::string(16, '7') + std::string(48, '0'), "net", "lab"};
  Append(key);
  StoreWatch watch(dir, 3600);
  Lock("a", StateId::Of(key));
  board.found[kJobsOfStore] = 1;
  clock.Advance(3600 * 1000);
  STRCMP_EQUAL("lock.stale ", Look(watch).c_str());
  CHECK(last.body.find(R"("state":"net/lab","namespace":"7777777777777777")") != last.body.npos);
}

TEST(Hooks, LocksAreToldHoweverManyThereAre) {
  constexpr size_t kLocks = 2100;
  StoreWatch watch(dir, 3600);
  for (size_t i = 0; i < kLocks; ++i) {
    Lock("a" + std::to_string(i), StateId::Of({"", "many", std::to_string(i)}));
  }
  board.found[kJobsOfStore] = 1;
  clock.Advance(3600 * 1000);
  const auto told = [&] {
    const std::string text = Look(watch);
    return text.size() / std::string("lock.stale ").size();
  };
  CHECK(board.Write(dir).ok());
  // What could not be sent comes again.
  LONGS_EQUAL(1000, (*watch.Look(Parts())).size());
  for (const size_t page : {1000, 1000, 100}) {
    LONGS_EQUAL(page, told());
    CHECK_EQUAL(page == 1000, more);
  }
  for (const bool others : {true, true, false}) {
    LONGS_EQUAL(0, told());
    CHECK_EQUAL(others, more);
  }
  // On another host for a while, and back.
  board.found[kJobsOfStore] = 0;
  LONGS_EQUAL(0, told());
  board.found[kJobsOfStore] = 1;
  LONGS_EQUAL(0, told());
}

TEST(Hooks, AStateThatIsFoundDamagedIsTold) {
  StoreWatch watch(dir, 3600);
  board.found = {{kJobsOfStore, 1}, {kDamagedStates, 0}, {kUnreadableStates, 0}};
  STRCMP_EQUAL("", Look(watch).c_str());
  board.found[kDamagedStates] = 1;
  STRCMP_EQUAL("check.failed ", Look(watch).c_str());
  CHECK(last.body.find(R"("damaged":1,"unreadable":0)") != last.body.npos);
  STRCMP_EQUAL("", Look(watch).c_str());
  board.found[kUnreadableStates] = 2;
  STRCMP_EQUAL("check.failed ", Look(watch).c_str());
}

TEST(Hooks, AnAddressThatIsNoneIsRefused) {
  HookSettings settings;
  settings.secret = SecretString("whsec_" + Base64Encode(std::string(32, 'k')));
  for (const char* bad : {"https://h ex ample/x", "https:///x", "https://h.example:99999/x",
                          "https://", "http://h.example/", "ftp://h.example/"}) {
    settings.url = SecretString(bad);
    CHECK_TEXT(CheckHooks(settings).code() == Code::kInvalidArgument, bad);
  }
  for (const char* good : {"https://h.example/x?token=y", "https://[2001:db8::1]:8443/"}) {
    settings.url = SecretString(good);
    CHECK_TEXT(CheckHooks(settings).ok(), good);
  }
}

// A receiver that is down costs a try now and then, and no event.
TEST(Hooks, ADownReceiverIsTriedLessAndLessOften) {
  const std::string trail = dir + "/audit.log";
  const auto append = [&](const char* text) {
    FILE* file = fopen(trail.c_str(), "a");
    CHECK(file != nullptr && fputs(text, file) >= 0 && fclose(file) == 0);
  };
  append("");
  HookSettings settings;
  settings.url = SecretString("http://127.0.0.1:1/");  // nobody listens there
  settings.secret = SecretString("whsec_" + Base64Encode(std::string(32, 'k')));
  settings.allow_private = true;
  std::unique_ptr<Job> job = HookJob(settings, {trail, dir}, PosixDisk(), clock);
  LONGS_EQUAL(1000, job->Step(Parts()).again_ms);
  AuditEvent event;
  event.action = "write";
  event.status = 200;
  event.facts.after = AuditVersion{1, 1};
  AuditHead head{"0123456789abcdef", 0, {}};
  append(ChainLine(AuditKey(secret), AuditFields(kAuditDone, event), &head).c_str());
  for (int64_t pause_s : {1, 2, 4, 8, 16, 32, 60, 60}) {
    JobStep step = job->Step(Parts());
    CHECK(step.status.code() == Code::kUnavailable);
    LONGS_EQUAL(pause_s * 1000, step.again_ms);
    clock.Advance(step.again_ms);
  }
  LONGS_EQUAL(0, job->Found()["stateward_webhook_delivered"]);
  LONGS_EQUAL(0, job->Found()["stateward_webhook_lost"]);
  CHECK(job->Found()["stateward_webhook_waiting_bytes"] > 0);
}

}  // namespace stateward
