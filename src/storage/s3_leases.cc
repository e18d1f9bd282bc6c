// Leases in the s3 storage: an object for each, exchanged by its ETag.
#include <utility>

#include "storage/fs_layout.h"
#include "storage/s3_storage.h"

namespace stateward {
namespace {

constexpr char kLeases[] = "leases/";

}  // namespace

Result<Bytes> S3Storage::ReadLease(const std::string& name) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  Result<S3Object> object = client_->Get(prefix_ + kLeases + name, fs_layout::kMaxLease);
  if (!object.ok()) return std::move(object).status();
  return std::move(object->bytes);
}

Result<bool> S3Storage::ExchangeLease(const std::string& name, ByteView expected, ByteView next) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  const std::string key = prefix_ + kLeases + name;
  S3Condition when = S3Condition::Absent();
  if (!expected.empty()) {
    Result<S3Object> now = client_->Get(key, fs_layout::kMaxLease);
    if (!now.ok() && now.status().code() == Code::kNotFound) return false;
    if (!now.ok()) return std::move(now).status();
    if (ByteView(now->bytes) != expected) return false;
    when = S3Condition::Etag(now->etag);
  }
  Result<S3PutOutcome> put = client_->Put(key, next, when);
  if (!put.ok()) return std::move(put).status();
  return put->done;
}

}  // namespace stateward
