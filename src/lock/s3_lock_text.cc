#include "lock/s3_lock_text.h"

#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/hex.h"
#include "base/random.h"

namespace stateward {
namespace {

constexpr std::string_view kTitle = "stateward lock service\nid ";
constexpr std::string_view kEpoch = "\nepoch ";
constexpr std::string_view kMagic = "STWLOCK1";
constexpr size_t kNonce = 16;
constexpr size_t kEpochAt = kMagic.size() + kNonce;
constexpr size_t kFront = kEpochAt + 8;

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
  Bytes record = EncodeLockBook(object.book);
  Bytes out(kFront);
  std::memcpy(out.data(), kMagic.data(), kMagic.size());
  FillRandom(out.data() + kMagic.size(), kNonce);
  for (size_t i = 0; i < 8; ++i) {
    out[kEpochAt + i] = static_cast<uint8_t>(object.epoch >> (8 * (7 - i)));
  }
  out.insert(out.end(), record.begin(), record.end());
  return out;
}

Result<S3LockObject> DecodeS3LockObject(ByteView bytes) {
  if (bytes.size() < kFront || bytes.AsString().substr(0, kMagic.size()) != kMagic) {
    return Status::Corruption("lock record: not one");
  }
  Result<LockBook> book = DecodeLockBook(bytes.Sub(kFront, bytes.size() - kFront));
  if (!book.ok()) return std::move(book).status();
  S3LockObject object;
  for (size_t i = 0; i < 8; ++i) object.epoch = object.epoch << 8 | bytes[kEpochAt + i];
  object.book = std::move(*book);
  return object;
}

}  // namespace stateward
