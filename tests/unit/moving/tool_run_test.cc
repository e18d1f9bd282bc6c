// The mark of a run in a lock's ID: a lock of a run that is at work is no lock that was left.
#include "moving/tool_run.h"

#include <CppUTest/TestHarness.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "auth/policy_auth.h"
#include "doubles/tool_world.h"
#include "moving/lock_text.h"
#include "moving/tool_lock.h"

namespace stateward {
namespace {

// A child that waits to be killed.
class Child {
 public:
  Child() : pid_(fork()) {
    if (pid_ == 0) {
      for (;;) pause();
    }
  }
  ~Child() { Kill(); }
  std::string mark() const { return MarkOf(ProcessOf(static_cast<uint32_t>(pid_))); }
  pid_t pid() const { return pid_; }
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_;
};

void CheckRun(RunState want, const std::string& mark) {
  LONGS_EQUAL_TEXT(static_cast<int>(want), static_cast<int>(LookAtRun(mark)), mark.c_str());
}

}  // namespace

TEST_GROUP(ToolRun){};

TEST(ToolRun, AtWorkGoneOrOfAnotherMachine) {
  const std::string own = MarkOf(SelfProcess());
  LONGS_EQUAL(kRunMarkDigits, own.size());
  CheckRun(RunState::kThis, own);
  Child child;
  const std::string mark = child.mark();
  CheckRun(RunState::kOther, mark);
  STRCMP_EQUAL(("process " + std::to_string(child.pid()) + " on this host").c_str(),
               WhichRun(mark).c_str());
  child.Kill();
  CheckRun(RunState::kGone, mark);

  const auto other = [&own](size_t digit) {
    std::string changed = own;
    changed[digit] = changed[digit] == '0' ? '1' : '0';
    return changed;
  };
  CheckRun(RunState::kOther, other(0));  // another machine
  STRCMP_EQUAL("a process on another host", WhichRun(other(0)).c_str());
  CheckRun(RunState::kGone, other(6));   // before the machine was started
  CheckRun(RunState::kGone, other(23));  // this number, of another process
  for (const char* none : {"", "1234", "00112233445566778899aabbccddeeff"}) {
    CheckRun(RunState::kOther, none);
    STRCMP_EQUAL("a process on another host", WhichRun(none).c_str());
  }
}

TEST(ToolRun, AnImportKnowsItsOwnLocksAtASource) {
  const std::string id = ImportLockId("bucket/net");
  LONGS_EQUAL(36, id.size());
  CHECK(WhoseImport(id, "bucket/net") == RunState::kThis);
  CHECK(WhoseImport(id, "bucket/another") == RunState::kOther);
  CHECK(WhoseImport("of-ann", "bucket/net") == RunState::kOther);
}

TEST(ToolRun, ALockOfARunThatIsAtWorkStaysAndThatOfAKilledOneGoes) {
  ToolWorld w;
  auto states = w.Serve(true);
  Grant grant = IdentifiedGrant({"", "p", "n"}, {Rights::All(), false, {}});
  grant.principal = "statewardctl import";
  Child child;
  const std::string id = "import-" + child.mark() + "-00112233";
  CHECK(states->Lock(grant, Text("{\"ID\":\"" + id + "\"}")).status.ok());
  const std::string own = ToolLock::NewId("import");
  const Status refused = ToolLock(*w.b.locker, *states, "import", own).Take({grant});
  CHECK(refused.code() == Code::kConflict);
  STRCMP_CONTAINS(("process " + std::to_string(child.pid()) + " on this host").c_str(),
                  refused.detail().c_str());
  LONGS_EQUAL(1, w.b.locker->CountHeld()->all());
  child.Kill();
  ToolLock lock(*w.b.locker, *states, "import", own);
  CHECK(lock.Take({grant}).ok());
  CHECK(lock.GiveBack(Status()).ok());
  LONGS_EQUAL(0, w.b.locker->CountHeld()->all());
}

}  // namespace stateward
