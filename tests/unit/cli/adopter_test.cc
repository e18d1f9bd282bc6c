// A state of basic auth goes over to identified users, with the store gone at every call on the
// way: nobody ever reads an old version, and another run goes on to the same end.
#include "cli/adopter.h"

#include <CppUTest/TestHarness.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "auth/basic.h"
#include "cli/adopt_plan.h"
#include "doubles/original_blobs.h"
#include "doubles/tool_world.h"
#include "moving/tool_lock.h"

namespace stateward {
namespace {

std::string Doc(uint64_t serial) { return TestDocument(serial); }

struct World : ToolWorld {
  AuditTrail* trail = nullptr;

  void PutBlob(const std::string& legacy_id, uint64_t serial) {
    std::shared_ptr<const Suite> suite = *Suite::Load();
    storage->legacy[legacy_id] = SealAsOriginal(*suite, *Base64Decode(kToolWorldKey), Doc(serial));
  }
  // One run; the store is gone after so many of its calls. 0: it stays.
  Status Run(const Grant& from, int calls) {
    auto states = Serve(true);
    storage->calls_left = calls;
    AdminService service({*b.storage, *b.locker, *b.kms, *gate, *states, clock, StateRules(),
                          UploadRules(), "", trail});
    Adopter adopter(service, store_id, "admin:test");
    Result<Adopted> done = adopter.Adopt(from);
    bool gone = storage->down;
    storage->calls_left = 0;
    storage->down = false;
    if (gone) return Status::Unavailable("killed");
    if (done.ok()) return Status();
    // What was done to the end may have left its locks.
    if (done.status().code() == Code::kNotFound) return adopter.Finish(from);
    return std::move(done).status();
  }
};

Grant Identified() {
  Grant grant = PlainGrant({"p", "n"});
  grant.principal = "alice";
  return grant;
}

}  // namespace

TEST_GROUP(Adopter){
    // `make` fills a world and says whose state it is; `versions`: how many identified users get.
    void EachStep(const std::function<Grant(World&)>& make, size_t versions){bool ended = false;
for (int calls = 1; !ended; ++calls) {
  World w;
  Grant from = make(w);
  bool plain = from.key.tenant.empty();
  ended = w.Run(from, calls).ok();
  // What a run leaves that was killed: the newest, or a name that is held.
  std::string text = "killed after " + std::to_string(calls) + " calls";
  StateAnswer seen = w.Serve(false)->Get(Identified());
  bool newest = seen.status.ok() && ByteView(seen.document).AsString() == Doc(versions);
  CHECK_TEXT(newest || (!plain && seen.status.code() == Code::kConflict), text.c_str());
  Status second = w.Run(from, 0);
  STRCMP_EQUAL_TEXT("", second.detail().c_str(), text.c_str());
  Check(w, versions, text);
  if (!plain) HasNoDocument(w, from.key, text);
}
}  // namespace stateward
void HasNoDocument(World& w, const StateKey& key, const std::string& text) {
  const StateId id = StateId::Of(key);
  const std::vector<uint64_t> numbers = *w.b.storage->Versions(id);
  for (uint64_t n : numbers) {
    Result<Opened> left = w.b.kms->Open({w.store_id, id, n}, *w.b.storage->Get(id, n));
    CHECK_TEXT(left->info.version.kind != RecordKind::kState, text.c_str());
  }
}
void Check(World& w, size_t versions, const std::string& text) {
  auto server = w.Serve(false);
  StateAnswer seen = server->Get(Identified());
  CHECK_TEXT(seen.status.ok(), text.c_str());
  StateId id = StateId::Of(Identified().key);
  std::vector<uint64_t> serials;
  const std::vector<uint64_t> numbers = *w.b.storage->Versions(id);
  for (uint64_t n : numbers) {
    Result<Opened> opened = w.b.kms->Open({w.store_id, id, n}, *w.b.storage->Get(id, n));
    if (opened->info.version.kind != RecordKind::kState) continue;
    serials.insert(serials.begin(), opened->info.version.serial);
    CHECK(ByteView(opened->document).AsString() == Doc(serials.front()));
  }
  LONGS_EQUAL_TEXT(versions, serials.size(), text.c_str());
  for (size_t i = 0; i < serials.size(); ++i) LONGS_EQUAL(i + 1, serials[i]);
  LONGS_EQUAL_TEXT(0, w.b.locker->CountHeld()->all(), text.c_str());
  LONGS_EQUAL_TEXT(0, *CountUntouched(*w.b.storage), text.c_str());
  CHECK_FALSE(server->Lock(Identified(), Text(R"({"ID":"x"})")).locked);
}
}
;

TEST(Adopter, VersionsOfANamespace) {
  EachStep(
      [](World& w) {
        Grant from = *NamespaceGrant(SecretString("secret"), {"p", "n"});
        auto states = w.Serve(true);
        for (uint64_t serial = 1; serial <= 4; ++serial) {
          CHECK(states->Put(from, "", Text(Doc(serial))).status.ok());
        }
        return from;
      },
      4);
}

TEST(Adopter, ABlobUnderASecret) {
  EachStep(
      [](World& w) {
        Grant from = *NamespaceGrant(SecretString("secret"), {"p", "n"});
        w.PutBlob(from.legacy_ids[0], 1);
        return from;
      },
      1);
}

TEST(Adopter, ABlobUnderItsNameAlone) {
  EachStep(
      [](World& w) {
        Grant from = PlainGrant({"p", "n"});
        w.PutBlob(from.legacy_ids[0], 1);
        return from;
      },
      1);
}

TEST(Adopter, NothingIsWrittenOverWhatIdentifiedUsersHave) {
  World w;
  Grant from = *NamespaceGrant(SecretString("secret"), {"p", "n"});
  auto states = w.Serve(true);
  CHECK(states->Put(Identified(), "", Text(Doc(9))).status.ok());
  CHECK(states->Put(from, "", Text(Doc(1))).status.ok());
  CHECK(w.Run(from, 0).code() == Code::kConflict);
  CHECK(ByteView(states->Get(Identified()).document).AsString() == Doc(9));
  CHECK(ByteView(states->Get(from).document).AsString() == Doc(1));
  LONGS_EQUAL(0, w.b.locker->CountHeld()->all());
}

TEST(Adopter, ALockThatAKilledRunHalfTookIsFreed) {
  World w;
  Grant from = *NamespaceGrant(SecretString("secret"), {"p", "n"});
  auto states = w.Serve(true);
  CHECK(states->Put(from, "", Text(Doc(1))).status.ok());
  Grant killed = from;
  killed.principal = kAdoptPrincipal;
  const std::string id = ToolLock::NewId("adopt");
  CHECK(states->Lock(killed, Text("{\"ID\":\"" + id + "\"}")).status.ok());
  static_cast<MemLocker&>(*w.b.locker).half_taken = true;
  STRCMP_EQUAL("", w.Run(from, 0).detail().c_str());
  CHECK(ByteView(states->Get(Identified()).document).AsString() == Doc(1));
  LONGS_EQUAL(0, w.b.locker->CountHeld()->all());
}

TEST(Adopter, AnothersHalfTakenLockStays) {
  World w;
  Grant from = *NamespaceGrant(SecretString("secret"), {"p", "n"});
  auto states = w.Serve(true);
  CHECK(states->Put(from, "", Text(Doc(1))).status.ok());
  Grant another = from;
  another.principal = "another";
  CHECK(states->Lock(another, Text(R"({"ID":"a","Operation":"adopt"})")).status.ok());
  static_cast<MemLocker&>(*w.b.locker).half_taken = true;
  CHECK_FALSE(w.Run(from, 0).ok());
  LONGS_EQUAL(1, w.b.locker->CountHeld()->all());
}

TEST(Adopter, ALockedStateStays) {
  World w;
  Grant from = *NamespaceGrant(SecretString("secret"), {"p", "n"});
  auto states = w.Serve(true);
  CHECK(states->Put(from, "", Text(Doc(1))).status.ok());
  CHECK(states->Lock(from, Text(R"({"ID":"a"})")).status.ok());
  CHECK(w.Run(from, 0).code() == Code::kConflict);
  CHECK(states->Put(from, "a", Text(Doc(2))).status.ok());
  LONGS_EQUAL(1, w.b.locker->CountHeld()->all());
}

namespace {

Grant Secret() { return *NamespaceGrant(SecretString("secret"), {"p", "n"}); }

// Serials 1 to 4 in the namespace.
Grant FourVersions(World& w) {
  Grant from = Secret();
  auto states = w.Serve(true);
  for (uint64_t serial = 1; serial <= 4; ++serial) {
    CHECK(states->Put(from, "", Text(Doc(serial))).status.ok());
  }
  return from;
}

// Killed as soon as identified users see the state, so the namespace has it, too.
Grant HalfGiven(World& w) {
  Grant from = FourVersions(w);
  for (int calls = 1; !w.Serve(false)->Get(Identified()).status.ok(); ++calls) {
    CHECK(w.Run(from, calls).code() == Code::kUnavailable);
  }
  CHECK(w.Serve(false)->Get(from).status.ok());
  return from;
}

// What people do about a lock that nobody frees.
void Force(World& w, const Grant& grant) {
  auto states = w.Serve(true);
  (void)states->Unlock(grant, {}, "");
}

std::vector<KeptUpload> UploadsOf(World& w, const StateKey& key) {
  std::vector<KeptUpload> out;
  const std::vector<KeptUpload> all = *w.storage->ListUploads();
  for (const KeptUpload& upload : all) {
    if (upload.id == StateId::Of(key)) out.push_back(upload);
  }
  return out;
}

}  // namespace

TEST(Adopter, TheOldNamespaceTakesNothingAfterwards) {
  World w;
  Grant from = FourVersions(w);
  STRCMP_EQUAL("", w.Run(from, 0).detail().c_str());
  auto states = w.Serve(false);
  StateAnswer lock = states->Lock(from, Text(R"({"ID":"x","Operation":"OperationTypeApply"})"));
  CHECK(lock.status.code() == Code::kConflict);
  CHECK_FALSE(lock.locked);
  STRCMP_CONTAINS("identified users", lock.holder.c_str());
  CHECK(states->Get(from).status.code() == Code::kConflict);
  for (const std::string& lock_id : {std::string(), std::string("x")}) {
    CHECK(states->Put(from, lock_id, Text(Doc(5))).status.code() == Code::kConflict);
    CHECK(states->Delete(from, lock_id).status.code() == Code::kConflict);
  }
  LONGS_EQUAL(1, UploadsOf(w, from.key).size());
  CHECK(ByteView(states->Get(Identified()).document).AsString() == Doc(4));
  LONGS_EQUAL(0, w.b.locker->CountHeld()->all());
}

// A copy that stays there could be read after a purge of the new one.
TEST(Adopter, TheOldNamespaceKeepsNoDocument) {
  for (const bool late : {false, true}) {
    World w;
    w.storage->late = late;
    Grant from = FourVersions(w);
    STRCMP_EQUAL("", w.Run(from, 0).detail().c_str());
    auto states = w.Serve(false);
    for (uint64_t serial = 1; serial <= 4; ++serial) {
      CHECK(states->GetSerial(from, serial).status.code() == Code::kConflict);
      CHECK(ByteView(states->GetSerial(Identified(), serial).document).AsString() == Doc(serial));
    }
    HasNoDocument(w, from.key, late ? "late" : "");
    if (!late) LONGS_EQUAL(1, w.storage->Versions(StateId::Of(from.key))->size());
  }
}

// It may be mended one day.
TEST(Adopter, ADamagedVersionStaysInTheNamespace) {
  World w;
  Grant from = FourVersions(w);
  const StateId id = StateId::Of(from.key);
  const uint64_t damaged = w.storage->Versions(id)->at(2);
  w.storage->DamageFront(id, damaged);
  STRCMP_EQUAL("", w.Run(from, 0).detail().c_str());
  const std::vector<uint64_t> left = *w.storage->Versions(id);
  LONGS_EQUAL(2, left.size());
  LONGS_EQUAL(damaged, left.back());
  CHECK(w.Serve(false)->Get(from).status.code() == Code::kConflict);
}

TEST(Adopter, KeptUploadsComeAlong) {
  World w;
  Grant from = FourVersions(w);
  CHECK(w.Serve(true)->Put(from, "", Text(Doc(2))).status.code() == Code::kConflict);
  STRCMP_EQUAL("", w.Run(from, 0).detail().c_str());
  LONGS_EQUAL(0, UploadsOf(w, from.key).size());
  LONGS_EQUAL(1, UploadsOf(w, Identified().key).size());
  // One of a run that began before; and again, where that run was killed.
  CHECK(w.Serve(false)->Put(from, "", Text(Doc(5))).status.code() == Code::kConflict);
  for (int calls = 1; UploadsOf(w, from.key).size() == 1; ++calls) (void)w.Run(from, calls);
  std::vector<KeptUpload> theirs = UploadsOf(w, Identified().key);
  LONGS_EQUAL(2, theirs.size());
  const History history(*w.b.storage, *w.b.kms, w.store_id);
  std::set<uint64_t> serials;
  for (const KeptUpload& upload : theirs) {
    serials.insert(history.OpenUpload(upload)->info.version.serial);
  }
  CHECK(serials == std::set<uint64_t>({2, 5}));
}

TEST(Adopter, AStateThatIsGivenHasItsLineInTheTrail) {
  class Lines : public AuditTrail {
   public:
    bool HasRoom() const override { return true; }
    Status Intend(AuditEvent*, AuditNeed, AuditHead*) override {
      ++intents;
      return refuses ? Status::Unavailable("no room") : Status();
    }
    void Note(const AuditEvent& event) override { events.push_back(event); }
    Status Check() const override { return Status(); }
    std::string Warning() const override { return ""; }

    bool refuses = false;
    int intents = 0;
    std::vector<AuditEvent> events;
  };
  World w;
  Lines lines;
  w.trail = &lines;
  Grant from = FourVersions(w);
  lines.refuses = true;
  CHECK(w.Run(from, 0).code() == Code::kUnavailable);
  CHECK(w.Serve(false)->Get(from).status.ok());
  CHECK(lines.events.empty());
  lines.refuses = false;
  STRCMP_EQUAL("", w.Run(from, 0).detail().c_str());
  LONGS_EQUAL(2, lines.intents);
  LONGS_EQUAL(1, lines.events.size());
  const AuditEvent& event = lines.events.front();
  STRCMP_EQUAL(
      "adopt admin:test p/n",
      (event.action + " " + event.principal + " " + event.project + "/" + event.name).c_str());
  STRCMP_EQUAL(from.key.tenant.c_str(), event.tenant.c_str());
  CHECK(event.result == AuditResult::kDone);
}

TEST(Adopter, WhatTheNamespaceWroteAfterAKilledRunComesAlong) {
  bool ended = false;
  for (int calls = 1; !ended; ++calls) {
    World w;
    Grant from = FourVersions(w);
    ended = w.Run(from, calls).ok();
    Force(w, from);
    auto states = w.Serve(true);
    for (uint64_t serial = 5; serial <= 7; ++serial) {
      const Status put = states->Put(from, "", Text(Doc(serial))).status;
      // Not where the killed run had come to its end.
      if (put.ok()) continue;
      CHECK(put.code() == Code::kConflict);
      ended = true;
      break;
    }
    if (ended) break;
    // Another run is killed, too.
    (void)w.Run(from, calls);
    std::string text = "killed after " + std::to_string(calls) + " calls";
    const Status last = w.Run(from, 0);
    STRCMP_EQUAL_TEXT("", last.detail().c_str(), text.c_str());
    Check(w, 7, text);
  }
}

TEST(Adopter, WhatIdentifiedUsersWroteAfterAKilledRunStays) {
  World w;
  Grant from = HalfGiven(w);
  Force(w, Identified());
  CHECK(w.Serve(true)->Put(Identified(), "", Text(Doc(5))).status.ok());
  STRCMP_EQUAL("", w.Run(from, 0).detail().c_str());
  Check(w, 5, "identified users went on");
  CHECK(w.Serve(false)->Get(from).status.code() == Code::kConflict);
}

TEST(Adopter, WhereBothWentOnItSaysWhatToDo) {
  World w;
  Grant from = HalfGiven(w);
  Force(w, Identified());
  Force(w, from);
  auto states = w.Serve(true);
  CHECK(states->Put(Identified(), "", Text(Doc(5))).status.ok());
  CHECK(states->Put(from, "", Text(Doc(6))).status.ok());
  const Status refused = w.Run(from, 0);
  CHECK(refused.code() == Code::kConflict);
  for (const char* part : {"serial 5", "serial 6", "statewardctl delete p/n", "--namespace"}) {
    STRCMP_CONTAINS(part, refused.detail().c_str());
  }
  // As it says.
  CHECK(states->Delete(Identified(), "").status.ok());
  STRCMP_EQUAL("", w.Run(from, 0).detail().c_str());
  CHECK(ByteView(w.Serve(false)->Get(Identified()).document).AsString() == Doc(6));
}

}  // namespace stateward
