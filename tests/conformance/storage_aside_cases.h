// Cases of storage_cases.h: the marker, quarantine and the original's data.
#ifndef STATEWARD_TESTS_CONFORMANCE_STORAGE_ASIDE_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_STORAGE_ASIDE_CASES_H_

#include <optional>
#include <set>
#include <string>

#include "base/sha256.h"
#include "conformance/storage_fixture.h"

namespace stateward {
namespace storage_cases {

// ---- The marker ----

inline void AllSayUnavailable(Storage& s) {
  const QuarantineEntry entry = Entry('1', '2', 3, kSomeMs);
  const auto any = [](const StateId&) { return true; };
  Is(Code::kUnavailable, s.Head(Id()));
  Is(Code::kUnavailable, s.Get(Id(), 1));
  Is(Code::kUnavailable, s.GetNewest(Id()));
  Is(Code::kUnavailable, s.GetPrefix(Id(), 1, 1));
  Is(Code::kUnavailable, s.Append(Id(), 0, std::string("x")));
  Is(Code::kUnavailable, s.Settle(Id(), 1));
  Is(Code::kUnavailable, s.Replace(Id(), 1, Sha256(std::string("x")), std::string("y")));
  Is(Code::kUnavailable, s.Versions(Id()));
  Is(Code::kUnavailable, s.List(any));
  Is(Code::kUnavailable, s.Count());
  Is(Code::kUnavailable, s.Prune(Id(), 1));
  Is(Code::kUnavailable, s.Quarantine(entry, std::string("abc")));
  Is(Code::kUnavailable, s.ListQuarantine());
  Is(Code::kUnavailable, s.GetQuarantined(entry));
  Is(Code::kUnavailable, s.GetLegacy(LegacyId()));
  Is(Code::kUnavailable, s.ListLegacy([](const Storage::LegacyBlob&) { return true; }));
  Is(Code::kUnavailable, s.LegacyClaim(LegacyId()));
  Is(Code::kUnavailable, s.ClaimLegacy(LegacyId(), Id()));
  CHECK_FALSE(s.Check().ok());
}

inline void WithoutMarkerNothingIsSaid(StorageFixture& f) {
  std::shared_ptr<Storage> s = f.Open();
  Is(Code::kNotFound, s->ReadMarker());
  AllSayUnavailable(*s);
  Good(s->WriteMarker(Marker(), nullptr));
  LONGS_EQUAL(0, Must(s->Head(Id())));
  Put(*s, Id(), 0, std::string("x"));
  f.RemoveMarker();
  s = f.Open();
  Is(Code::kNotFound, s->ReadMarker());
  AllSayUnavailable(*s);
}

inline void MarkerComesBack(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  const StoreMarker marker = Must(s->ReadMarker());
  STRCMP_EQUAL(Marker().store_id.c_str(), marker.store_id.c_str());
  LONGS_EQUAL(1, marker.format);
  STRCMP_EQUAL("local", marker.lock_kind.c_str());
  STRCMP_EQUAL(Marker().lock_id.c_str(), marker.lock_id.c_str());
  Good(s->Check());
  CHECK_FALSE(s->Name().empty());
}

inline void MarkerIsMadeOnce(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  StoreMarker other = Marker();
  other.store_id = std::string(32, 'c');
  Is(Code::kConflict, s->WriteMarker(other, nullptr));
  Is(Code::kConflict, f.Open()->WriteMarker(other, nullptr));
  STRCMP_EQUAL(Marker().store_id.c_str(), Must(s->ReadMarker()).store_id.c_str());
}

inline void MarkerIsMadeByOneOfMany(StorageFixture& f) {
  constexpr size_t kMakers = 6;
  std::vector<std::shared_ptr<Storage>> makers;
  for (size_t i = 0; i < kMakers; ++i) makers.push_back(f.Open());
  std::vector<Code> codes(kMakers, Code::kInternal);
  InThreads(kMakers, [&](size_t t) {
    StoreMarker marker = Marker();
    marker.store_id = std::string(32, static_cast<char>('0' + t));
    codes[t] = makers[t]->WriteMarker(marker, nullptr).code();
  });
  const std::string winner = Must(f.Open()->ReadMarker()).store_id;
  for (size_t t = 0; t < kMakers; ++t) {
    Is(winner[0] == static_cast<char>('0' + t) ? Code::kOk : Code::kConflict, Status(codes[t], ""));
  }
}

inline void RelockExchangesTheLockServiceOnly(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  Put(*s, Id(), 0, std::string("x"));
  StoreMarker other = Marker();
  other.lock_kind = "redis";
  other.lock_id = std::string(32, 'd');
  const StoreMarker was = Marker();
  Good(f.Open()->WriteMarker(other, &was));
  s = f.Open();
  const StoreMarker marker = Must(s->ReadMarker());
  CHECK(marker == other);
  STRCMP_EQUAL(Marker().store_id.c_str(), marker.store_id.c_str());
  STRCMP_EQUAL("redis", marker.lock_kind.c_str());
  STRCMP_EQUAL(other.lock_id.c_str(), marker.lock_id.c_str());
  LONGS_EQUAL(1, Must(s->Head(Id())));
}

// A rekey seals the secret with another key while servers run on the store.
inline void SecretIsExchangedUnderWork(StorageFixture& f) {
  std::shared_ptr<Storage> running = Fresh(f);
  Put(*running, Id(), 0, std::string("x"));
  const StoreMarker was = Marker();
  StoreMarker now = was;
  now.sealed_secret = Bytes(3000, 0x7B);
  Good(f.Open()->WriteMarker(now, &was));
  LONGS_EQUAL(1, Must(running->Head(Id())));
  Put(*running, Id(), 1, std::string("y"));
  CHECK(Must(running->ReadMarker()) == now);
  LONGS_EQUAL(2, Must(f.Open()->Head(Id())));
  // Somebody who looked before that comes too late.
  StoreMarker late = was;
  late.lock_kind = "redis";
  Is(Code::kConflict, f.Open()->WriteMarker(late, &was));
  CHECK(Must(f.Open()->ReadMarker()) == now);
}

inline void MarkerIsRefusedAmongRecords(StorageFixture& f) {
  Put(*Fresh(f), Id(), 0, std::string("x"));
  f.RemoveMarker();
  Is(Code::kConflict, f.Open()->WriteMarker(Marker(), nullptr));
  Is(Code::kNotFound, f.Open()->ReadMarker());
}

inline void MarkerIsRefusedAmongStrangers(StorageFixture& f) {
  if (!f.PutStranger()) return;
  Is(Code::kConflict, f.Open()->WriteMarker(Marker(), nullptr));
  Is(Code::kNotFound, f.Open()->ReadMarker());
}

// ---- Quarantine ----

inline void QuarantineKeepsEachUploadOnce(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  CHECK(Must(s->ListQuarantine()).empty());
  const std::string bytes = Noise(300);
  const QuarantineEntry entry = Entry('1', '2', bytes.size(), kSomeMs);
  Is(Code::kNotFound, s->GetQuarantined(entry));
  for (const std::shared_ptr<Storage>& each : {s, s, f.Open()}) {
    Good(each->Quarantine(entry, bytes));
  }
  Good(s->Quarantine(Entry('3', '4', 5, kSomeMs + 1), std::string("other")));
  const std::vector<QuarantineEntry> list = Must(f.Open()->ListQuarantine());
  LONGS_EQUAL(2, list.size());
  const QuarantineEntry& back = list[0].content_tag == entry.content_tag ? list[0] : list[1];
  STRCMP_EQUAL(entry.principal_tag.c_str(), back.principal_tag.c_str());
  STRCMP_EQUAL(entry.content_tag.c_str(), back.content_tag.c_str());
  CHECK(back.id == Id());
  CHECK(back.time_ms == kSomeMs);
  LONGS_EQUAL(300, back.size);
  CHECK(ByteView(Must(s->GetQuarantined(back))) == ByteView(bytes));
  LONGS_EQUAL(0, Must(s->Count()));  // no state of its own
}

// For a rekey: other bytes of the same upload, of the same or another size.
inline void QuarantineEntriesAreExchanged(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  QuarantineEntry entry = Entry('1', '2', 300, kSomeMs);
  Is(Code::kNotFound, s->ReplaceQuarantined(entry, Noise(300)));
  Good(s->Quarantine(entry, Noise(300)));
  Good(s->Quarantine(Entry('1', '3', 5, kSomeMs + 1), std::string("other")));
  for (size_t size : {size_t{300}, size_t{350}, size_t{40}}) {
    const std::string bytes = Noise(size);
    Good(f.Open()->ReplaceQuarantined(entry, bytes));
    const std::vector<QuarantineEntry> list = Must(s->ListQuarantine());
    LONGS_EQUAL(2, list.size());
    entry = list[0].content_tag == entry.content_tag ? list[0] : list[1];
    LONGS_EQUAL(size, entry.size);
    CHECK(entry.time_ms == kSomeMs);
    CHECK(ByteView(Must(s->GetQuarantined(entry))) == ByteView(bytes));
    // Still the same upload.
    Good(s->Quarantine(Entry('1', '2', 300, kSomeMs + 9), Noise(300)));
    LONGS_EQUAL(2, Must(s->ListQuarantine()).size());
  }
}

// ---- What servers say of themselves ----

inline void NoticesAreTheLastOfEach(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  CHECK(Must(s->Published()).empty());
  Good(s->Withdraw(std::string(32, '1')));
  Good(s->Publish(std::string(32, '1'), std::string("one")));
  Good(s->Publish(std::string(32, '2'), std::string("two")));
  Good(f.Open()->Publish(std::string(32, '1'), std::string("one again")));
  std::vector<Storage::Notice> all = Must(f.Open()->Published());
  LONGS_EQUAL(2, all.size());
  STRCMP_EQUAL(std::string(32, '1').c_str(), all[0].server_id.c_str());
  CHECK(ByteView(all[0].text) == ByteView(std::string("one again")));
  CHECK(ByteView(all[1].text) == ByteView(std::string("two")));
  Good(s->Withdraw(std::string(32, '1')));
  LONGS_EQUAL(1, Must(s->Published()).size());
  LONGS_EQUAL(0, Must(s->Count()));  // no state
}

inline void QuarantineIsBoundedPerPrincipal(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  const std::string bytes = Noise(StorageFixture::kQuarantineLimit * 6 / 10);
  const QuarantineEntry first = Entry('1', '2', bytes.size(), kSomeMs);
  Good(s->Quarantine(first, bytes));
  Is(Code::kUnavailable, s->Quarantine(Entry('1', '3', bytes.size(), kSomeMs + 1), bytes));
  Good(s->Quarantine(Entry('9', '4', bytes.size(), kSomeMs + 2), bytes));  // another principal
  Good(s->Quarantine(first, bytes));                                       // kept already
  LONGS_EQUAL(2, Must(s->ListQuarantine()).size());
  CHECK(ByteView(Must(s->GetQuarantined(first))) == ByteView(bytes));  // nothing young goes
}

// ---- The original's data ----

inline void LegacyBlobsAreRead(StorageFixture& f) {
  const std::string blob = Noise(5000);
  f.PutLegacy(LegacyId(), blob);
  std::shared_ptr<Storage> s = Fresh(f);  // the original's data is no stranger
  CHECK(ByteView(Must(s->GetLegacy(LegacyId()))) == ByteView(blob));
  Is(Code::kNotFound, s->GetLegacy(std::string(64, 'f')));
  LONGS_EQUAL(0, Must(s->Count()));
}

// "id+" for a claimed blob, "id-" for an untouched one.
inline std::set<std::string> LegacyListing(Storage& s) {
  std::set<std::string> listing;
  Good(s.ListLegacy([&](const Storage::LegacyBlob& blob) {
    listing.insert(blob.legacy_id + (blob.claimed ? "+" : "-"));
    return true;
  }));
  return listing;
}

inline void LegacyBlobsAreListed(StorageFixture& f) {
  std::set<std::string> want;
  CHECK(LegacyListing(*Fresh(f)) == want);
  const std::string other(64, 'c');
  f.PutLegacy(LegacyId(), Noise(50));
  f.PutLegacy(other, Noise(60));
  f.PutLegacy("readme", "not the original's");
  std::shared_ptr<Storage> s = f.Open();
  want = {LegacyId() + "-", other + "-"};
  CHECK(LegacyListing(*s) == want);
  Must(s->ClaimLegacy(other, Id()));
  Must(s->ClaimLegacy(std::string(64, 'd'), Id()));  // a claim without a blob
  Put(*s, Id(), 0, std::string("x"));
  want = {LegacyId() + "-", other + "+"};
  CHECK(LegacyListing(*s) == want);
  int seen = 0;
  Good(s->ListLegacy([&](const Storage::LegacyBlob&) { return ++seen < 1; }));
  LONGS_EQUAL(1, seen);
}

inline void LegacyIdsAreClaimedOnce(StorageFixture& f) {
  const std::shared_ptr<Storage> instances[] = {Fresh(f), f.Open()};
  CHECK_FALSE(Must(instances[0]->LegacyClaim(LegacyId())).has_value());
  std::vector<std::string> said(8);
  InThreads(said.size(), [&](size_t t) {
    Result<StateId> claimant =
        instances[t % 2]->ClaimLegacy(LegacyId(), IdOf("s" + std::to_string(t)));
    if (claimant.ok()) said[t] = claimant->hex();
  });
  const std::optional<StateId> claimant = Must(f.Open()->LegacyClaim(LegacyId()));
  CHECK(claimant.has_value());
  for (const std::string& each : said) STRCMP_EQUAL(claimant->hex().c_str(), each.c_str());
  CHECK(Must(instances[0]->ClaimLegacy(LegacyId(), Id())) == *claimant);
  CHECK_FALSE(Must(instances[0]->LegacyClaim(std::string(64, 'f'))).has_value());
}

// ---- With a clock ----

inline void QuarantineEvictsNothingYoung(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  constexpr int64_t kDayMs = 24LL * 60 * 60 * 1000;
  const std::string bytes = Noise(StorageFixture::kQuarantineLimit * 6 / 10);
  const QuarantineEntry first = Entry('1', '2', bytes.size(), kSomeMs);
  Good(s->Quarantine(first, bytes));
  f.Advance(7 * kDayMs - 1000);
  QuarantineEntry second = Entry('1', '3', bytes.size(), kSomeMs + 7 * kDayMs - 1000);
  Is(Code::kUnavailable, s->Quarantine(second, bytes));
  LONGS_EQUAL(1, Must(s->ListQuarantine()).size());
  f.Advance(2000);
  second.time_ms += 2000;
  Good(s->Quarantine(second, bytes));
  LONGS_EQUAL(1, Must(s->ListQuarantine()).size());
  CHECK(ByteView(Must(s->GetQuarantined(second))) == ByteView(bytes));
  Is(Code::kNotFound, s->GetQuarantined(first));
}

}  // namespace storage_cases
}  // namespace stateward

#endif  // STATEWARD_TESTS_CONFORMANCE_STORAGE_ASIDE_CASES_H_
