// One file with everything of a store; it comes back as it was, or as another store.
#include "moving/backup.h"

#include <CppUTest/TestHarness.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "auth/policy_auth.h"
#include "doubles/original_blobs.h"
#include "doubles/tool_world.h"
#include "history/forwarding.h"
#include "state/guarded_write.h"
#include "state/store_secret.h"

namespace stateward {
namespace {

struct Closer {
  void operator()(FILE* file) const { (void)fclose(file); }
};
using File = std::unique_ptr<FILE, Closer>;

Grant On(const std::string& name) {
  return IdentifiedGrant({"", "net", name}, {Rights::All(), false, {}});
}

struct World : ToolWorld {
  File file{tmpfile()};
  MemStorage to;
  MemLocker to_locks{clock};
  std::vector<std::string> bad;
  BackupProgress progress;  // of the next Write

  World() {
    auto server = Serve(true);
    for (uint64_t serial = 1; serial <= 3; ++serial) {
      CHECK(server->Put(On("a"), "", Text(TestDocument(serial))).status.ok());
    }
    CHECK(server->Put(On("b"), "", Text(TestDocument(1))).status.ok());
    // A serial that does not grow is refused, and kept.
    CHECK_FALSE(server->Put(On("b"), "", Text(TestDocument(0))).status.ok());
    CHECK(storage->Prune(StateId::Of(On("a").key), 1).ok());
    std::shared_ptr<const Suite> suite = *Suite::Load();
    storage->legacy[std::string(64, 'e')] =
        SealAsOriginal(*suite, *Base64Decode(kToolWorldKey), TestDocument(9));
    CHECK(storage->ClaimLegacy(std::string(64, 'c'), StateId::Of(On("b").key)).ok());
  }
  Result<BackupCounts> Write() {
    file.reset(tmpfile());
    Result<BackupCounts> done = WriteBackup(*storage, *b.kms, clock, file.get(), progress);
    rewind(file.get());
    return done;
  }
  Result<BackupCounts> Verify() {
    rewind(file.get());
    return VerifyBackup(file.get(), *b.kms, [this](const std::string& t) { bad.push_back(t); });
  }
  Result<BackupCounts> Restore(RestoreAs as) {
    rewind(file.get());
    return RestoreBackup(file.get(), *b.kms, to, as,
                         [this](const std::string& t) { bad.push_back(t); });
  }
  // Opened by `init --locks`, it serves what was there.
  void CheckServes() {
    StoreGate closed(to, to_locks);
    CHECK_FALSE(closed.Store().ok());
    CHECK(closed.Init(true, *b.kms).ok());
    CHECK(closed.Store().ok());
    StateRules rules;
    rules.hold_names = false;
    StateService there(to, to_locks, *b.kms, closed, clock, observer, log, rules);
    CHECK(ByteView(there.Get(On("a")).document) == ByteView(TestDocument(3)));
    CHECK(ByteView(there.Get(On("b")).document) == ByteView(TestDocument(1)));
    CHECK(there.Lock(On("a"), Text(R"({"ID":"x"})")).status.ok());
    CHECK(there.Put(On("a"), "x", Text(TestDocument(4))).status.ok());
    const Result<StoreIdentity> here = b.storage->ReadIdentity();
    const Result<StoreIdentity> now = to.ReadIdentity();
    CHECK(*OpenStoreSecret(*b.kms, *here) == *OpenStoreSecret(*b.kms, *now));
    LONGS_EQUAL(1, to.ListUploads()->size());
    const History history(to, *b.kms, now->store_id);
    CHECK(ByteView(history.OpenUpload(to.ListUploads()->front())->document) ==
          ByteView(TestDocument(0)));
    CHECK(*to.GetLegacy(std::string(64, 'e')) == storage->legacy[std::string(64, 'e')]);
    CHECK((*to.LegacyClaim(std::string(64, 'c'))).has_value());
  }
  std::string Raw() {
    rewind(file.get());
    std::string text;
    for (int c = fgetc(file.get()); c != EOF; c = fgetc(file.get())) text += static_cast<char>(c);
    return text;
  }
  void PutRaw(const std::string& text) {
    file.reset(tmpfile());
    CHECK(fwrite(text.data(), 1, text.size(), file.get()) == text.size());
    rewind(file.get());
  }
};

}  // namespace

TEST_GROUP(Backup){};

// What `mv` does at the end: the new address has all of it, and the old one the way there.
void MoveInStore(World& w, const std::string& from, const std::string& to, bool empties = true,
                 bool ends = true) {
  const History history(*w.storage, *w.b.kms, (*w.storage->ReadIdentity()).store_id);
  const StateId old_id = StateId::Of(On(from).key);
  const StateId new_id = StateId::Of(On(to).key);
  const std::vector<uint64_t> numbers = *w.storage->Versions(old_id);
  CHECK(w.storage->ClaimLegacy(MoveClaim(new_id), old_id).ok());
  Result<Opened> newest = history.Open(old_id, numbers.front());
  CHECK(newest.ok());
  Bytes sealed;
  newest->info.key = On(to).key;
  const std::vector<uint64_t> there = *w.storage->Versions(new_id);
  const uint64_t head = there.empty() ? 0 : there.front();
  CHECK(history.Append(new_id, head, newest->info, newest->document, &sealed)->appended);
  if (!ends) return;
  SealedInfo forward;
  forward.key = On(from).key;
  forward.version.kind = RecordKind::kMoved;
  forward.version.moved_to = "net/" + to;
  forward.version.time_ms = w.clock.NowMs();
  CHECK(history.Append(old_id, numbers.front(), forward, {}, &sealed)->appended);
  for (size_t i = numbers.size(); empties && i-- > 0;)
    CHECK(w.storage->Prune(old_id, numbers[i]).ok());
}

// Once, when the first of the states was read.
TEST(Backup, AStateThatIsMovedMeanwhileIsThere) {
  for (const char* second : {"a", "b"}) {
    World w;
    bool moved = false;
    w.progress = [&](uint64_t, uint64_t) {
      if (!moved) MoveInStore(w, second, "new");
      moved = true;
    };
    CHECK(w.Write().ok());
    CHECK(w.Raw().find(StateId::Of(On("new").key).hex()) != std::string::npos);
    LONGS_EQUAL(0, w.Verify()->bad);
    CHECK(w.Restore(RestoreAs::kNewIdentity).ok());
    // At the new address alone.
    const History history(w.to, *w.b.kms, w.to.ReadIdentity()->store_id);
    const Result<NewestRecord> old = history.Look(StateId::Of(On(second).key));
    CHECK(old.ok());
    CHECK(!old->version || old->version->info.kind == RecordKind::kMoved);
    const Result<NewestRecord> now = history.Look(StateId::Of(On("new").key));
    CHECK(now.ok() && now->version && now->version->info.kind == RecordKind::kState);
  }
}

// Both addresses show it, and nothing in the backup would say which of them is the old one.
TEST(Backup, AMoveThatIsNotAtItsEndIsNamed) {
  World w;
  MoveInStore(w, "a", "new", false, false);
  Result<BackupCounts> done = w.Write();
  CHECK(!done.ok() && done.status().code() == Code::kConflict);
  STRCMP_CONTAINS("net/a is being moved to net/new, or such a move was broken off",
                  done.status().detail().c_str());
  // A claim is never taken back, also when another state came to that address.
  World other;
  CHECK(other.Serve(true)->Put(On("c"), "", Text(TestDocument(1, "another"))).status.ok());
  CHECK(other.storage->ClaimLegacy(MoveClaim(StateId::Of(On("c").key)), StateId::Of(On("a").key))
            .ok());
  CHECK(other.Write().ok());
}

TEST(Backup, ANewAddressThatWasReadTooEarlyRefusesIt) {
  for (bool empties : {true, false}) {
    World w;
    // The store's order is that of the ids.
    std::string first = "x";
    while (StateId::Of(On(first).key).hex() > StateId::Of(On("a").key).hex()) first += "x";
    const History history(*w.storage, *w.b.kms, (*w.storage->ReadIdentity()).store_id);
    SealedInfo no_op;
    no_op.key = On(first).key;
    no_op.version.kind = RecordKind::kNoOp;
    Bytes sealed;
    CHECK(history.Append(StateId::Of(On(first).key), 0, no_op, {}, &sealed)->appended);
    w.progress = [&](uint64_t done, uint64_t) {
      if (done != 1) return;
      MoveInStore(w, "a", first, empties);
      VersionInfo info;
      info.time_ms = w.clock.NowMs();
      // A lock may take a number away on top of that.
      if (empties) CHECK(TakeNextNumber(history, On("a").key, StateId::Of(On("a").key), info).ok());
    };
    Result<BackupCounts> done = w.Write();
    CHECK(!done.ok() && done.status().code() == Code::kConflict);
    STRCMP_CONTAINS("since the backup was begun", done.status().detail().c_str());
    // Not one that was over long before.
    w.progress = {};
    w.clock.Advance(6 * 60 * 1000);
    CHECK(w.Write().ok());
  }
}

// The new address had but places for the records when it was read.
TEST(Backup, AMoveThatWasHalfBegunAndEndsMeanwhileRefusesIt) {
  World w;
  const History history(*w.storage, *w.b.kms, (*w.storage->ReadIdentity()).store_id);
  SealedInfo no_op;
  no_op.key = On("new").key;
  no_op.version.kind = RecordKind::kNoOp;
  Bytes sealed;
  CHECK(history.Append(StateId::Of(On("new").key), 0, no_op, {}, &sealed)->appended);
  w.progress = [&](uint64_t done, uint64_t) {
    if (done == 3) MoveInStore(w, "a", "new");
  };
  Result<BackupCounts> done = w.Write();
  CHECK(!done.ok() && done.status().code() == Code::kConflict);
  STRCMP_CONTAINS("since the backup was begun", done.status().detail().c_str());
}

// Of two moves that were begun one ended meanwhile; at the other address another state is by now.
TEST(Backup, AForwardingRecordIsAddedForItsOwnMoveAlone) {
  World w;
  CHECK(w.storage->ClaimLegacy(MoveClaim(StateId::Of(On("b").key)), StateId::Of(On("a").key)).ok());
  w.progress = [&](uint64_t done, uint64_t) {
    if (done == 2) MoveInStore(w, "a", "new");
  };
  Result<BackupCounts> done = w.Write();
  CHECK(done.ok());
  LONGS_EQUAL(3, done->states);
  LONGS_EQUAL(2 + 1 + 1 + 1, done->records);
}

// A client went on at one of the addresses of a move that was broken off.
TEST(Backup, AMoveThatWasBrokenOffIsNamedWhereverAClientWentOn) {
  for (const char* at : {"a", "new"}) {
    World w;
    MoveInStore(w, "a", "new", false, false);
    CHECK(w.Serve(false)->Put(On(at), "", Text(TestDocument(4))).status.ok());
    Result<BackupCounts> done = w.Write();
    CHECK(!done.ok() && done.status().code() == Code::kConflict);
    STRCMP_CONTAINS("net/a is being moved to net/new", done.status().detail().c_str());
  }
  // At both: no move ends that, and they are two states.
  World w;
  MoveInStore(w, "a", "new", false, false);
  for (const char* at : {"a", "new"}) {
    CHECK(w.Serve(false)->Put(On(at), "", Text(TestDocument(at[0] == 'a' ? 4 : 5))).status.ok());
  }
  CHECK(w.Write().ok());
}

// What the new address had when it was read is older than what the old one had.
TEST(Backup, AMoveThatBringsNewerVersionsMeanwhileRefusesIt) {
  World w;
  MoveInStore(w, "a", "new", false, false);
  CHECK(w.Serve(false)->Put(On("a"), "", Text(TestDocument(4))).status.ok());
  w.progress = [&](uint64_t done, uint64_t) {
    if (done == 3) MoveInStore(w, "a", "new");
  };
  Result<BackupCounts> done = w.Write();
  CHECK(!done.ok() && done.status().code() == Code::kConflict);
  STRCMP_CONTAINS("since the backup was begun", done.status().detail().c_str());
}

// A move gives a kept upload another name, and so does a rekey.
TEST(Backup, AnUploadThatGetsAnotherNameMeanwhileIsThere) {
  World w;
  w.storage->after_list_uploads = [&] {
    KeptUpload upload = w.storage->ListUploads()->front();
    const Bytes sealed = *w.storage->GetUpload(upload);
    CHECK(w.storage->RemoveUpload(upload).ok());
    upload.principal_tag = std::string(32, 'b');
    CHECK(w.storage->PutUpload(upload, sealed).ok());
  };
  CHECK(w.Write().ok());
  Result<BackupCounts> verified = w.Verify();
  CHECK(verified.ok());
  LONGS_EQUAL(1, verified->uploads);
  LONGS_EQUAL(0, verified->bad);
  // One that was dropped is no reason to look for ever.
  w.storage->after_list_uploads = [&] {
    CHECK(w.storage->RemoveUpload(w.storage->ListUploads()->front()).ok());
  };
  Result<BackupCounts> without = w.Write();
  CHECK(without.ok());
  LONGS_EQUAL(0, without->uploads);
}

// A moment ago is not meanwhile.
TEST(Backup, AMoveThatIsOverIsNoReasonToMakeItAgain) {
  World w;
  std::string first = "x";
  while (StateId::Of(On(first).key).hex() > StateId::Of(On("a").key).hex()) first += "x";
  MoveInStore(w, "a", first);
  CHECK(w.Write().ok());
  CHECK(w.Raw().find(StateId::Of(On(first).key).hex()) != std::string::npos);
}

TEST(Backup, ComesBackAsTheOldStoreOrAsAnother) {
  for (RestoreAs as : {RestoreAs::kOldIdentity, RestoreAs::kNewIdentity}) {
    World w;
    Result<BackupCounts> written = w.Write();
    CHECK(written.ok());
    LONGS_EQUAL(2, written->states);
    LONGS_EQUAL(3, written->records);
    Result<BackupCounts> verified = w.Verify();
    CHECK(verified.ok());
    LONGS_EQUAL(0, verified->bad);
    LONGS_EQUAL(1, verified->uploads);
    CHECK(w.Restore(as).ok());
    const bool same = w.to.ReadIdentity()->store_id == w.store_id;
    CHECK_EQUAL(as == RestoreAs::kOldIdentity, same);
    w.CheckServes();
    // A store that is open is no place for another restore.
    CHECK_FALSE(w.Restore(as).ok());
  }
}

TEST(Backup, ARestoreThatWasKilledGoesOn) {
  bool ended = false;
  for (int calls = 1; !ended; ++calls) {
    World w;
    CHECK(w.Write().ok());
    w.to.calls_left = calls;
    ended = w.Restore(RestoreAs::kNewIdentity).ok() && !w.to.down;
    w.to.calls_left = 0;
    w.to.down = false;
    CHECK(w.Restore(RestoreAs::kNewIdentity).ok());
    w.CheckServes();
  }
}

TEST(Backup, WhatIsCutOrChangedIsNone) {
  World w;
  CHECK(w.Write().ok());
  const std::string whole = w.Raw();
  for (size_t size : {size_t{0}, size_t{100}, size_t{512}, whole.size() / 2, whole.size() - 1200}) {
    w.PutRaw(whole.substr(0, size));
    LONGS_EQUAL(static_cast<int>(Code::kCorruption), static_cast<int>(w.Verify().status().code()));
    LONGS_EQUAL(static_cast<int>(Code::kCorruption),
                static_cast<int>(w.Restore(RestoreAs::kOldIdentity).status().code()));
  }
  std::string changed = whole;
  changed[whole.find("STWD") + 200] ^= 1;
  w.PutRaw(changed);
  CHECK_FALSE(w.Verify().ok());
  CHECK_FALSE(w.to.ReadIdentity().ok());  // nothing was made of any of them
}

TEST(Backup, OneThatIsHalfRestoredIsNotOpened) {
  World w;
  CHECK(w.Write().ok());
  w.to.calls_left = 4;
  CHECK_FALSE(w.Restore(RestoreAs::kNewIdentity).ok());
  w.to.calls_left = 0;
  w.to.down = false;
  StoreGate closed(w.to, w.to_locks);
  const Status opened = closed.Init(true, *w.b.kms);
  CHECK(opened.code() == Code::kConflict);
  STRCMP_CONTAINS("closed: being restored from backup", opened.detail().c_str());
  STRCMP_CONTAINS("give the same `statewardctl restore` again", opened.detail().c_str());
  CHECK(w.Restore(RestoreAs::kNewIdentity).ok());
  w.CheckServes();
}

// One that was left out would let an older version pass for the newest.
TEST(Backup, ADamagedRecordIsRestoredAsItIsAndNamed) {
  for (RestoreAs as : {RestoreAs::kOldIdentity, RestoreAs::kNewIdentity}) {
    World w;
    const StateId id = StateId::Of(On("a").key);
    w.storage->Damage(id, 2);
    CHECK(w.Write().ok());
    Result<BackupCounts> done = w.Restore(as);
    CHECK(done.ok());
    LONGS_EQUAL(1, done->bad);
    LONGS_EQUAL(1, w.bad.size());
    STRCMP_CONTAINS("record 2 of state", w.bad.front().c_str());
    LONGS_EQUAL(3, *w.to.Head(id));
    CHECK(*w.to.Get(id, 2) == *w.storage->Get(id, 2));
    const History history(w.to, *w.b.kms, w.to.ReadIdentity()->store_id);
    CHECK(history.Open(id, 3).ok());
    CHECK(history.Open(id, 2).status().unreadable());
  }
}

TEST(Backup, KeysThatDoNotOpenItRestoreNothing) {
  for (RestoreAs as : {RestoreAs::kOldIdentity, RestoreAs::kNewIdentity}) {
    World w;
    CHECK(w.Write().ok());
    KmsSettings settings;
    settings.key = SecretString("B" + std::string(kToolWorldKey).substr(1));
    w.b.kms = std::move(*OpenKms(settings));
    const Status done = w.Restore(as).status();
    CHECK_FALSE(done.ok());
    STRCMP_CONTAINS("the keys do not open this backup", done.detail().c_str());
    CHECK_FALSE(w.to.ReadIdentity().ok());
  }
}

TEST(Backup, SomebodysDataIsNotReplaced) {
  World w;
  CHECK(w.Write().ok());
  w.to.legacy[std::string(64, 'e')] = Bytes(3, 'x');
  const Status done = w.Restore(RestoreAs::kOldIdentity).status();
  CHECK(done.code() == Code::kConflict);
  CHECK(*w.to.GetLegacy(std::string(64, 'e')) == Bytes(3, 'x'));
}

TEST(Backup, ADamagedRecordIsNamedByTheCheck) {
  World w;
  w.storage->Damage(StateId::Of(On("a").key), 2);
  CHECK(w.Write().ok());
  Result<BackupCounts> verified = w.Verify();
  CHECK(verified.ok());
  LONGS_EQUAL(1, verified->bad);
  STRCMP_CONTAINS("record 2", w.bad.front().c_str());
}

}  // namespace stateward
