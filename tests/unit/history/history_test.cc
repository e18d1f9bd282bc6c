// What a store holds, opened: the end of a state's history, walks over it, one record.
#include "history/history.h"

#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>
#include <vector>

#include "base/base64.h"
#include "base/sha256.h"
#include "doubles/mem_storage.h"
#include "doubles/original_blobs.h"
#include "kms/open_kms.h"

namespace stateward {
namespace {

constexpr char kKey[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
constexpr char kOtherKey[] = "ICECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
constexpr char kStore[] = "0123456789abcdef0123456789abcdef";

const StateKey& Key() {
  static const StateKey key{"", "p", "n"};
  return key;
}
StateId Id() { return StateId::Of(Key()); }

std::unique_ptr<Kms> With(const char* key) {
  KmsSettings settings;
  settings.key = SecretString(key);
  return std::move(*OpenKms(settings));
}

std::string Doc(uint64_t serial) {
  return R"({"version":4,"serial":)" + std::to_string(serial) + R"(,"lineage":"L"})";
}

}  // namespace

TEST_GROUP(History) {
  MemStorage storage;
  std::unique_ptr<Kms> kms = With(kKey);
  std::unique_ptr<History> history;

  void setup() override {
    CHECK(storage.WriteIdentity({kStore, 1, "local", kStore, Bytes(10, 1)}, nullptr).ok());
    history = std::make_unique<History>(storage, *kms, kStore);
  }
  uint64_t Append(RecordKind kind, uint64_t serial, uint64_t newest_real = 0, Kms* with = nullptr) {
    const uint64_t head = *storage.Head(Id());
    const std::string document = kind == RecordKind::kState ? Doc(serial) : "";
    SealedInfo info;
    info.key = Key();
    info.version.kind = kind;
    info.version.serial = serial;
    info.version.newest_real = newest_real;
    info.version.size = document.size();
    info.version.sha256 = Sha256(document);
    Bytes sealed;
    const History on(storage, with != nullptr ? *with : *kms, kStore);
    CHECK(on.Append(Id(), head, info, document, &sealed)->appended);
    return head + 1;
  }
  uint64_t Version(uint64_t serial) { return Append(RecordKind::kState, serial); }
  uint64_t Tombstone(uint64_t serial) { return Append(RecordKind::kTombstone, serial); }
  uint64_t NoOp(uint64_t newest_real) { return Append(RecordKind::kNoOp, 0, newest_real); }

  NewestRecord Look(const LegacyNames& names = {}) {
    Result<NewestRecord> newest = history->Look(Id(), names);
    if (!newest.ok()) FAIL(newest.status().detail().c_str());
    return *std::move(newest);
  }
  void Is(Code want, const Status& status) {
    STRCMP_EQUAL(std::string(CodeName(want)).c_str(), std::string(CodeName(status.code())).c_str());
  }
  // "n kind serial" of each, the newest first; "n code" of what cannot be read.
  std::vector<std::string> Walk(uint64_t below = UINT64_MAX, size_t most = 100) {
    std::vector<std::string> out;
    const auto take = [&](const VersionEntry& entry) {
      out.push_back(std::to_string(entry.n) + " " +
                    (entry.status.ok() ? std::to_string(static_cast<int>(entry.info.version.kind)) +
                                             " " + std::to_string(entry.info.version.serial)
                                       : std::string(CodeName(entry.status.code()))));
      return out.size() < most;
    };
    Is(Code::kOk, history->Each(Id(), take, below));
    return out;
  }
  void Original(const std::string& document, const std::string& legacy_id = std::string(64, 'e')) {
    storage.legacy[legacy_id] = SealAsOriginal(**Suite::Load(), *Base64Decode(kKey), document);
  }
  LegacyNames Names() { return {{std::string(64, 'd'), std::string(64, 'e')}, false}; }
};

TEST(History, WhatNeverWas) {
  const NewestRecord newest = Look(Names());
  CHECK(newest.head == 0 && newest.real == 0 && !newest.version && newest.unreadable.ok());
  CHECK(newest.legacy_id.empty());
  CHECK_FALSE(history->OpenNewest(Id())->has_value());
  CHECK(Walk().empty());
  Is(Code::kNotFound, history->Info(Id(), 1).status());
  Is(Code::kNotFound, history->Open(Id(), 1).status());
}

TEST(History, TheNewestVersionAndATombstone) {
  Version(1);
  Version(2);
  NewestRecord newest = Look();
  CHECK(newest.head == 2 && newest.real == 2 && newest.version->info.serial == 2);
  CHECK(newest.head_info.serial == 2 && !newest.version->legacy);
  CHECK(ByteView((*history->OpenNewest(Id()))->document).AsString() == Doc(2));
  Tombstone(2);
  newest = Look();
  CHECK(newest.head == 3 && newest.version->info.kind == RecordKind::kTombstone);
  CHECK(ByteView(history->Open(Id(), 1)->document).AsString() == Doc(1));
}

TEST(History, NoOpRecordsCostOneStep) {
  Version(7);
  for (int i = 0; i < 100; ++i) NoOp(1);
  storage.gets = 0;
  const NewestRecord newest = Look();
  LONGS_EQUAL(2, storage.gets);
  CHECK(newest.head == 101 && newest.real == 1 && newest.version->info.serial == 7);
  CHECK(newest.head_info.kind == RecordKind::kNoOp);
  CHECK(ByteView((*history->OpenNewest(Id()))->document).AsString() == Doc(7));
}

TEST(History, ANoOpRecordOnNothing) {
  NoOp(0);
  const NewestRecord newest = Look();
  CHECK(newest.head == 1 && newest.real == 0 && !newest.version && newest.unreadable.ok());
  CHECK_FALSE(history->OpenNewest(Id())->has_value());
}

TEST(History, ADamagedHeadHidesWhatIsBelow) {
  Version(1);
  Version(2);
  storage.Damage(Id(), 2);
  NewestRecord newest = Look();  // what is sealed in front is whole
  CHECK(newest.unreadable.ok() && newest.version->info.serial == 2);
  Is(Code::kCorruption, history->OpenNewest(Id()).status());
  CHECK(storage.Replace(Id(), 2, Sha256(*storage.Get(Id(), 2)), std::string("rubbish")).ok());
  newest = Look(Names());
  Is(Code::kCorruption, newest.unreadable);
  CHECK(newest.head == 2 && newest.real == 2 && !newest.version);
  const std::vector<std::string> want = {"2 corruption", "1 1 1"};
  CHECK(Walk() == want);
}

TEST(History, AnUnknownKeyIsNoDamage) {
  Version(1);
  const std::unique_ptr<Kms> other = With(kOtherKey);
  Append(RecordKind::kState, 2, 0, other.get());
  const NewestRecord newest = Look();
  Is(Code::kUnknownKey, newest.unreadable);
  CHECK(newest.real == 2 && !newest.version);
  const std::vector<std::string> want = {"2 unknown_key", "1 1 1"};
  CHECK(Walk() == want);
}

TEST(History, APrunedTargetIsNoAbsence) {
  Version(1);
  NoOp(1);
  storage.Undo(Id(), 1);  // behind the server's back
  Is(Code::kUnavailable, history->Look(Id()).status());
  Is(Code::kUnavailable, history->OpenNewest(Id()).status());
}

TEST(History, ANoOpRecordThatPointsUpwardsIsDamage) {
  NoOp(9);
  Is(Code::kCorruption, Look().unreadable);
  Is(Code::kCorruption, history->OpenNewest(Id()).status());
}

TEST(History, TheOriginalsBlobBelow) {
  Original(Doc(5));
  NewestRecord newest = Look(Names());
  CHECK(newest.version->legacy && newest.version->info.serial == 5 && newest.real == 0);
  STRCMP_EQUAL(std::string(64, 'e').c_str(), newest.legacy_id.c_str());
  CHECK_FALSE(Look().version);  // nobody asked for it
  NoOp(0);                      // hides nothing
  CHECK(Look(Names()).version->legacy);
  Tombstone(5);
  newest = Look(Names());
  CHECK(!newest.version->legacy && newest.legacy_id.empty());
}

TEST(History, ABlobThatIsNoStateOrAnothers) {
  Original("{\"version\":1}");  // neither serial nor lineage: any document may follow
  NewestRecord newest = Look(Names());
  CHECK(!newest.version && !newest.legacy_id.empty() && newest.unreadable.ok());
  storage.legacy.begin()->second.back() ^= 1;
  CHECK(Look(Names()).unreadable.unreadable());
  Original(Doc(5));
  LegacyNames names = Names();
  names.ambiguous = true;
  Is(Code::kConflict, history->Look(Id(), names).status());
  CHECK(storage.ClaimLegacy(std::string(64, 'e'), StateId::Of({"", "p", "another"})).ok());
  Is(Code::kConflict, history->Look(Id(), Names()).status());
}

TEST(History, AWalkEndsAndGoesOn) {
  Version(1);
  Version(2);
  NoOp(2);
  Tombstone(2);
  const std::vector<std::string> all = {"4 2 2", "3 3 0", "2 1 2", "1 1 1"};
  CHECK(Walk() == all);
  CHECK(Walk(UINT64_MAX, 2) == std::vector<std::string>(all.begin(), all.begin() + 2));
  CHECK(Walk(3) == std::vector<std::string>(all.begin() + 2, all.end()));
  // What goes meanwhile is left out.
  std::vector<uint64_t> seen;
  Is(Code::kOk, history->Each(Id(), [&](const VersionEntry& entry) {
    if (entry.n == 4) storage.Undo(Id(), 3);
    seen.push_back(entry.n);
    return true;
  }));
  CHECK(seen == std::vector<uint64_t>({4, 2, 1}));
  // An outage is no end.
  Is(Code::kUnavailable, history->Each(Id(), [&](const VersionEntry&) {
    storage.down = true;
    return true;
  }));
}

TEST(History, AKeptUploadIsSealedForItsPlace) {
  SealedInfo info;
  info.key = Key();
  info.version.serial = 3;
  info.version.size = Doc(3).size();
  info.version.sha256 = Sha256(Doc(3));
  const Bytes sealed = *history->SealUpload(info, Doc(3));
  KeptUpload upload{std::string(32, '1'), std::string(32, '2'), Id(), 5, sealed.size()};
  CHECK(storage.PutUpload(upload, sealed).ok());
  LONGS_EQUAL(3, history->UploadInfo(upload)->version.serial);
  CHECK(ByteView(history->OpenUpload(upload)->document).AsString() == Doc(3));
  upload.id = StateId::Of({"", "p", "another"});  // moved to another state
  Is(Code::kCorruption, history->UploadInfo(upload).status());
  Is(Code::kCorruption, history->OpenUpload(upload).status());
}

}  // namespace stateward
