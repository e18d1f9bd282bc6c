// Cases of storage_cases.h: kept uploads.
#ifndef STATEWARD_TESTS_CONFORMANCE_KEPT_UPLOADS_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_KEPT_UPLOADS_CASES_H_

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

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
    // Still the same upload.
    Good(s->PutUpload(Entry('1', '2', 300, kSomeMs + 9), Noise(300)));
    LONGS_EQUAL(2, Must(s->ListUploads()).size());
  }
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

inline void UploadsAreBoundedPerPrincipal(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  const std::string bytes = Noise(StorageFixture::kUploadLimit * 6 / 10);
  const KeptUpload first = Entry('1', '2', bytes.size(), kSomeMs);
  Good(s->PutUpload(first, bytes));
  Is(Code::kUnavailable, s->PutUpload(Entry('1', '3', bytes.size(), kSomeMs + 1), bytes));
  Good(s->PutUpload(Entry('9', '4', bytes.size(), kSomeMs + 2), bytes));  // another principal
  Good(s->PutUpload(first, bytes));                                       // kept already
  LONGS_EQUAL(2, Must(s->ListUploads()).size());
  CHECK(ByteView(Must(s->GetUpload(first))) == ByteView(bytes));  // nothing young goes
}

inline void NoYoungUploadIsEvicted(StorageFixture& f) {
  std::shared_ptr<Storage> s = Fresh(f);
  constexpr int64_t kDayMs = 24LL * 60 * 60 * 1000;
  const std::string bytes = Noise(StorageFixture::kUploadLimit * 6 / 10);
  const KeptUpload first = Entry('1', '2', bytes.size(), kSomeMs);
  Good(s->PutUpload(first, bytes));
  f.Advance(7 * kDayMs - 1000);
  KeptUpload second = Entry('1', '3', bytes.size(), kSomeMs + 7 * kDayMs - 1000);
  Is(Code::kUnavailable, s->PutUpload(second, bytes));
  LONGS_EQUAL(1, Must(s->ListUploads()).size());
  f.Advance(2000);
  second.time_ms += 2000;
  Good(s->PutUpload(second, bytes));
  LONGS_EQUAL(1, Must(s->ListUploads()).size());
  CHECK(ByteView(Must(s->GetUpload(second))) == ByteView(bytes));
  Is(Code::kNotFound, s->GetUpload(first));
}

}  // namespace storage_cases
}  // namespace stateward

#endif  // STATEWARD_TESTS_CONFORMANCE_KEPT_UPLOADS_CASES_H_
