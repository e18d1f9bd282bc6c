// Cases of storage_cases.h: kept uploads.
#ifndef STATEWARD_TESTS_CONFORMANCE_KEPT_UPLOADS_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_KEPT_UPLOADS_CASES_H_

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/hex.h"
#include "base/sha256.h"
#include "conformance/storage_fixture.h"

namespace stateward {
namespace storage_cases {

inline void UploadsAreKeptOnce(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  CHECK(Must(s->ListUploads()).empty());
  const std::string bytes = Noise(300);
  const KeptUpload entry = Entry('1', '2', bytes.size(), kSomeMs);
  Is(Code::kNotFound, s->GetUpload(entry));
  for (const std::shared_ptr<Storage>& each : {s, s, f.Open()}) {
    Good(each->PutUpload(entry, bytes));
  }
  Good(s->PutUpload(Entry('3', '4', 5, kSomeMs + 1), std::string("other")));
  const std::vector<KeptUpload> list = Must(f.Open()->ListUploads());
  LONGS_EQUAL(2, list.size());
  const std::vector<KeptUpload> theirs = Must(s->ListUploadsOf(entry.principal_tag));
  LONGS_EQUAL(1, theirs.size());
  STRCMP_EQUAL(entry.content_tag.c_str(), theirs[0].content_tag.c_str());
  CHECK(Must(s->ListUploadsOf(std::string(32, '7'))).empty());
  Good(f.Open()->SettleUpload(theirs[0]));
  Is(Code::kNotFound, s->SettleUpload(Entry('9', '9', 5, kSomeMs)));
  Is(Code::kNotFound, s->SettleUpload(Entry('1', '9', 5, kSomeMs)));
  const KeptUpload& back = list[0].content_tag == entry.content_tag ? list[0] : list[1];
  STRCMP_EQUAL(entry.principal_tag.c_str(), back.principal_tag.c_str());
  STRCMP_EQUAL(entry.content_tag.c_str(), back.content_tag.c_str());
  CHECK(back.id == Id());
  CHECK(back.time_ms == kSomeMs);
  LONGS_EQUAL(300, back.size);
  CHECK(ByteView(Must(s->GetUpload(back))) == ByteView(bytes));
  Is(Code::kNotFound, s->GetUploadPrefix(Entry('9', '9', 5, kSomeMs), 10));
  for (size_t limit : {size_t{1}, size_t{100}, size_t{300}, size_t{5000}}) {
    const Bytes front = Must(s->GetUploadPrefix(back, limit));
    CHECK(front.size() >= std::min<size_t>(limit, 300) && front.size() <= 300);
    CHECK(ByteView(front).AsString() == bytes.substr(0, front.size()));
  }
  LONGS_EQUAL(0, Must(s->Count()));  // no state of its own
}

inline void UploadsOfOnePrincipalAreListedOldestFirst(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  for (const int at : {3, 1, 2}) {
    Good(s->PutUpload(Entry('1', static_cast<char>('0' + at), 5, kSomeMs + at),
                      std::string("abcde")));
    Good(s->PutUpload(Entry('2', static_cast<char>('0' + at), 5, kSomeMs - at),
                      std::string("abcde")));
  }
  for (const char who : {'1', '2'}) {
    const std::vector<KeptUpload> theirs = Must(f.Open()->ListUploadsOf(std::string(32, who)));
    LONGS_EQUAL(3, theirs.size());
    for (size_t i = 1; i < theirs.size(); ++i) CHECK(theirs[i - 1].time_ms < theirs[i].time_ms);
  }
  LONGS_EQUAL(6, Must(s->ListUploads()).size());
}

// Of one principal, so that the folder of all is not what keeps them apart.
inline void UploadsAreKeptByManyAtOnce(StorageFixture& f) {
  const std::shared_ptr<Storage> instances[] = {Fresh(f), f.Open()};
  InThreads(8, [&](size_t t) {
    for (size_t i = 0; i < 5; ++i) {
      const std::string tag = HexEncode(Sha256(std::to_string(t * 10 + i))).substr(0, 32);
      const KeptUpload upload{std::string(32, '1'), tag, Id(), kSomeMs, 400};
      // Threads must not use the macros of the tests: what is missing shows below.
      const Bytes bytes(400, static_cast<uint8_t>(t));
      (void)AskAgain([&] { return instances[t % 2]->PutUpload(upload, bytes); });
    }
  });
  LONGS_EQUAL(40, Must(f.Open()->ListUploads()).size());
}

// For a rekey: other bytes of the same upload, of the same or another size.
inline void UploadsAreExchanged(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  KeptUpload entry = Entry('1', '2', 300, kSomeMs);
  Is(Code::kNotFound, s->ReplaceUpload(entry, Noise(300)));
  Good(s->PutUpload(entry, Noise(300)));
  Good(s->PutUpload(Entry('1', '3', 5, kSomeMs + 1), std::string("other")));
  for (size_t size : {size_t{300}, size_t{350}, size_t{40}}) {
    const std::string bytes = Noise(size);
    Good(f.Open()->ReplaceUpload(entry, bytes));
    const std::vector<KeptUpload> list = Must(s->ListUploads());
    LONGS_EQUAL(2, list.size());
    entry = list[0].content_tag == entry.content_tag ? list[0] : list[1];
    LONGS_EQUAL(size, entry.size);
    CHECK(entry.time_ms == kSomeMs);
    CHECK(ByteView(Must(s->GetUpload(entry))) == ByteView(bytes));
    Good(s->SettleUpload(entry));
  }
}

// It was refused again: then it is as young as the last time, and the older one can go.
inline void ALaterUploadOfTheSameContentStays(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  const KeptUpload before = Entry('1', '2', 300, kSomeMs);
  const KeptUpload later = Entry('1', '2', 350, kSomeMs + 9);
  const std::string bytes = Noise(350);
  Good(s->PutUpload(before, Noise(300)));
  for (const std::shared_ptr<Storage>& each : {s, f.Open()}) {
    Good(each->PutUpload(later, bytes));
    Good(each->RemoveUpload(before));
    const std::vector<KeptUpload> list = Must(s->ListUploads());
    LONGS_EQUAL(1, list.size());
    CHECK(list[0].time_ms == later.time_ms && list[0].size == 350);
    CHECK(ByteView(Must(s->GetUpload(list[0]))) == ByteView(bytes));
    Good(s->SettleUpload(list[0]));
  }
  Good(s->RemoveUpload(later));
  CHECK(Must(s->ListUploads()).empty());
}

inline void UploadsAreRemoved(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  const KeptUpload gone = Entry('1', '2', 300, kSomeMs);
  const KeptUpload stays = Entry('1', '3', 5, kSomeMs);
  const KeptUpload others = Entry('4', '2', 300, kSomeMs);  // the same bytes, of somebody else
  Good(s->RemoveUpload(gone));                              // nobody ever kept anything
  Good(s->PutUpload(gone, Noise(300)));
  Good(s->PutUpload(stays, std::string("other")));
  Good(s->PutUpload(others, Noise(300)));
  Good(f.Open()->RemoveUpload(gone));
  Is(Code::kNotFound, s->GetUpload(gone));
  Good(s->RemoveUpload(gone));  // again
  LONGS_EQUAL(2, Must(s->ListUploads()).size());
  Must(s->GetUpload(others));
  Good(s->PutUpload(gone, Noise(300)));  // and it can be kept again
  LONGS_EQUAL(3, Must(s->ListUploads()).size());
}

}  // namespace storage_cases
}  // namespace stateward

#endif  // STATEWARD_TESTS_CONFORMANCE_KEPT_UPLOADS_CASES_H_
