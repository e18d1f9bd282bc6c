#include "lock/s3_lock_text.h"

#include <array>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/big_endian.h"
#include "base/hex.h"
#include "base/random.h"
#include "base/sha256.h"

namespace stateward {
namespace {

constexpr std::string_view kTitle = "stateward lock service\nid ";
constexpr std::string_view kEpoch = "\nepoch ";
constexpr std::string_view kMagic = "STWLOCK2";
constexpr size_t kNonce = 16;
constexpr size_t kEpochAt = kMagic.size() + kNonce;
constexpr size_t kRecordAt = kEpochAt + 8 + 4;  // behind the epoch and the record's length
constexpr size_t kSum = 32;

void Append(ByteView bytes, Bytes* out) { out->insert(out->end(), bytes.begin(), bytes.end()); }

}  // namespace

std::string FormatS3LockService(const S3LockService& service) {
  std::string text(kTitle);
  return text.append(service.id).append(kEpoch).append(std::to_string(service.epoch)) + "\n";
}

Result<S3LockService> ParseS3LockService(ByteView bytes) {
  const Status damaged = Status::Unavailable("the lock service's id is damaged");
  std::string_view rest = bytes.AsString();
  if (rest.substr(0, kTitle.size()) != kTitle) return damaged;
  rest.remove_prefix(kTitle.size());
  S3LockService service;
  service.id = std::string(rest.substr(0, 32));
  if (!IsHex(service.id, 32) || rest.substr(32, kEpoch.size()) != kEpoch) return damaged;
  rest.remove_prefix(32 + kEpoch.size());
  auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), service.epoch);
  if (error != std::errc() || std::string_view(end, rest.data() + rest.size() - end) != "\n") {
    return damaged;
  }
  return service;
}

Bytes EncodeS3LockObject(const S3LockObject& object) {
  const Bytes record = EncodeLockRecord(object.book);
  std::array<uint8_t, kNonce> nonce{};
  FillRandom(nonce.data(), nonce.size());
  Bytes out;
  Append(kMagic, &out);
  Append(nonce, &out);
  PutBigEndian(object.epoch, 8, &out);
  PutBigEndian(record.size(), 4, &out);
  Append(record, &out);
  PutBigEndian(object.book.released.size(), 1, &out);
  for (const ReleasedId& entry : object.book.released) Append(EncodeReleasedId(entry), &out);
  Append(Sha256(out), &out);
  return out;
}

Result<S3LockObject> DecodeS3LockObject(ByteView bytes) {
  const Status damaged = Status::Corruption("lock object: damaged");
  if (bytes.size() < kRecordAt + kSum || bytes.AsString().substr(0, kMagic.size()) != kMagic) {
    return damaged;
  }
  ByteView summed = bytes.Sub(0, bytes.size() - kSum);
  Sha256Digest sum = Sha256(summed);
  if (std::memcmp(sum.data(), bytes.data() + summed.size(), kSum) != 0) return damaged;
  const size_t size = GetBigEndian(bytes.Sub(kRecordAt - 4, 4));
  if (size >= summed.size() - kRecordAt) return damaged;
  Result<LockBook> book = DecodeLockRecord(bytes.Sub(kRecordAt, size));
  if (!book.ok()) return std::move(book).status();
  S3LockObject object;
  object.epoch = GetBigEndian(bytes.Sub(kEpochAt, 8));
  object.book = std::move(*book);
  size_t at = kRecordAt + size;
  const uint64_t count = bytes[at++];
  if (count != object.book.tags.size() / kReleasedTagBytes ||
      summed.size() - at != count * kReleasedEntryBytes) {
    return damaged;
  }
  for (uint64_t i = 0; i < count; ++i, at += kReleasedEntryBytes) {
    Result<ReleasedId> entry =
        DecodeReleasedId(object.book.releases - count + i, bytes.Sub(at, kReleasedEntryBytes));
    if (!entry.ok()) return std::move(entry).status();
    object.book.released.push_back(*entry);
  }
  return object;
}

}  // namespace stateward
