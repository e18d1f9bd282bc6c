// Cases of storage_cases.h: the identity file, and what servers say of themselves.
#ifndef STATEWARD_TESTS_CONFORMANCE_IDENTITY_FILE_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_IDENTITY_FILE_CASES_H_

#include <memory>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "base/store_format.h"
#include "conformance/storage_fixture.h"

namespace stateward {
namespace storage_cases {

inline void AllSayUnavailable(Storage& s) {
  const KeptUpload entry = Entry('1', '2', 3, kSomeMs);
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
  Is(Code::kUnavailable, s.PutUpload(entry, std::string("abc")));
  Is(Code::kUnavailable, s.SettleUpload(entry));
  Is(Code::kUnavailable, s.ListUploads());
  Is(Code::kUnavailable, s.ListUploadsOf(entry.principal_tag));
  Is(Code::kUnavailable, s.GetUpload(entry));
  Is(Code::kUnavailable, s.GetUploadPrefix(entry, 1));
  Is(Code::kUnavailable, s.ReplaceUpload(entry, std::string("abc")));
  Is(Code::kUnavailable, s.RemoveUpload(entry));
  Is(Code::kUnavailable, s.GetLegacy(LegacyId()));
  Is(Code::kUnavailable, s.ListLegacy([](const NameClaims::LegacyBlob&) { return true; }));
  Is(Code::kUnavailable, s.LegacyClaim(LegacyId()));
  Is(Code::kUnavailable, s.ClaimLegacy(LegacyId(), Id()));
  CHECK_FALSE(s.Check().ok());
}

inline void WithoutIdentityNothingIsSaid(StorageFixture& f) {
  std::shared_ptr<Storage> s = f.Open();
  Is(Code::kNotFound, s->ReadIdentity());
  AllSayUnavailable(*s);
  Good(s->WriteIdentity(Marker(), nullptr));
  LONGS_EQUAL(0, Must(s->Head(Id())));
  Put(*s, Id(), 0, std::string("x"));
  f.RemoveMarker();
  s = f.Open();
  Is(Code::kNotFound, s->ReadIdentity());
  AllSayUnavailable(*s);
}

inline void IdentityComesBack(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  const StoreIdentity marker = Must(s->ReadIdentity());
  STRCMP_EQUAL(Marker().store_id.c_str(), marker.store_id.c_str());
  LONGS_EQUAL(1, marker.format);
  STRCMP_EQUAL("local", marker.lock_kind.c_str());
  STRCMP_EQUAL(Marker().lock_id.c_str(), marker.lock_id.c_str());
  Good(s->Check());
  CHECK_FALSE(s->Name().empty());
}

inline void IdentityIsMadeOnce(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  StoreIdentity other = Marker();
  other.store_id = std::string(32, 'c');
  Is(Code::kConflict, s->WriteIdentity(other, nullptr));
  Is(Code::kConflict, f.Open()->WriteIdentity(other, nullptr));
  STRCMP_EQUAL(Marker().store_id.c_str(), Must(s->ReadIdentity()).store_id.c_str());
}

inline void IdentityIsMadeByOneOfMany(StorageFixture& f) {
  constexpr size_t kMakers = 6;
  std::vector<std::shared_ptr<Storage>> makers;
  for (size_t i = 0; i < kMakers; ++i) makers.push_back(f.Open());
  std::vector<Code> codes(kMakers, Code::kInternal);
  std::vector<int> asked(kMakers, 0);
  InThreads(kMakers, [&](size_t t) {
    StoreIdentity marker = Marker();
    marker.store_id = std::string(32, static_cast<char>('0' + t));
    codes[t] = AskAgain([&] {
                 ++asked[t];
                 return makers[t]->WriteIdentity(marker, nullptr);
               }).code();
  });
  const std::string winner = Must(f.Open()->ReadIdentity()).store_id;
  for (size_t t = 0; t < kMakers; ++t) {
    const bool won = winner[0] == static_cast<char>('0' + t);
    // A try that was refused may have been done: its repeat finds a store there.
    if (won && asked[t] > 1 && codes[t] == Code::kConflict) continue;
    Is(won ? Code::kOk : Code::kConflict, Status(codes[t], ""));
  }
}

inline void RelockExchangesTheLockServiceOnly(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  Put(*s, Id(), 0, std::string("x"));
  StoreIdentity other = Marker();
  other.lock_kind = "redis";
  other.lock_id = std::string(32, 'd');
  const StoreIdentity was = Marker();
  Good(f.Open()->WriteIdentity(other, &was));
  s = f.Open();
  const StoreIdentity marker = Must(s->ReadIdentity());
  CHECK(marker == other);
  STRCMP_EQUAL(Marker().store_id.c_str(), marker.store_id.c_str());
  STRCMP_EQUAL("redis", marker.lock_kind.c_str());
  STRCMP_EQUAL(other.lock_id.c_str(), marker.lock_id.c_str());
  LONGS_EQUAL(1, Must(s->Head(Id())));
}

// Another build raised the store's format: this one neither reads nor writes.
inline void AFormatThatIsNotKnownIsAnOutage(StorageFixture& f) {
  Put(*Fresh(f), Id(), 0, std::string("x"));
  LONGS_EQUAL(1, f.Open()->Format());
  const StoreIdentity was = Marker();
  StoreIdentity newer = was;
  newer.format = NewestStoreFormat() + 1;
  Good(f.Open()->WriteIdentity(newer, &was));
  std::shared_ptr<Storage> s = f.Open();
  const Status read = s->ReadIdentity().status();
  Is(Code::kUnavailable, read);
  STRCMP_CONTAINS("a newer one is needed", read.detail().c_str());
  AllSayUnavailable(*s);
  // Nor does it exchange the identity file.
  CHECK_FALSE(s->WriteIdentity(was, &newer).ok());
  Is(Code::kUnavailable, s->ReadIdentity().status());
}

// A rekey seals the secret with another key while servers run on the store.
inline void SecretIsExchangedUnderWork(StorageFixture& f) {
  std::shared_ptr<Storage> running = Fresh(f);
  Put(*running, Id(), 0, std::string("x"));
  const StoreIdentity was = Marker();
  StoreIdentity now = was;
  now.sealed_secret = Bytes(3000, 0x7B);
  Good(f.Open()->WriteIdentity(now, &was));
  LONGS_EQUAL(1, Must(running->Head(Id())));
  Put(*running, Id(), 1, std::string("y"));
  CHECK(Must(running->ReadIdentity()) == now);
  LONGS_EQUAL(2, Must(f.Open()->Head(Id())));
  // Somebody who looked before that comes too late.
  StoreIdentity late = was;
  late.lock_kind = "redis";
  Is(Code::kConflict, f.Open()->WriteIdentity(late, &was));
  CHECK(Must(f.Open()->ReadIdentity()) == now);
}

inline void IdentityIsRefusedAmongRecords(StorageFixture& f) {
  Put(*Fresh(f), Id(), 0, std::string("x"));
  f.RemoveMarker();
  Is(Code::kConflict, f.Open()->WriteIdentity(Marker(), nullptr));
  Is(Code::kNotFound, f.Open()->ReadIdentity());
}

inline void IdentityIsRefusedAmongStrangers(StorageFixture& f) {
  if (!f.PutStranger()) return;
  Is(Code::kConflict, f.Open()->WriteIdentity(Marker(), nullptr));
  Is(Code::kNotFound, f.Open()->ReadIdentity());
}

inline void NoticesAreTheLastOfEach(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  CHECK(Must(s->Published()).empty());
  Good(s->Withdraw(std::string(32, '1')));
  Good(s->Publish(std::string(32, '1'), std::string("one")));
  Good(s->Publish(std::string(32, '2'), std::string("two")));
  Good(f.Open()->Publish(std::string(32, '1'), std::string("one again")));
  std::vector<ServerNotice> all = Must(f.Open()->Published());
  LONGS_EQUAL(2, all.size());
  STRCMP_EQUAL(std::string(32, '1').c_str(), all[0].server_id.c_str());
  CHECK(ByteView(all[0].text) == ByteView(std::string("one again")));
  CHECK(ByteView(all[1].text) == ByteView(std::string("two")));
  Good(s->Withdraw(std::string(32, '1')));
  LONGS_EQUAL(1, Must(s->Published()).size());
  LONGS_EQUAL(0, Must(s->Count()));  // no state
}

}  // namespace storage_cases
}  // namespace stateward

#endif  // STATEWARD_TESTS_CONFORMANCE_IDENTITY_FILE_CASES_H_
