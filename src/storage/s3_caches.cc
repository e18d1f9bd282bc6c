// Cache entries in the s3 storage: an object for each.
#include <utility>

#include "storage/s3_storage.h"

namespace stateward {
namespace {

constexpr char kCache[] = "cache/";

}  // namespace

Result<Bytes> S3Storage::ReadCache(const std::string& name) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  Result<S3Object> object = client_->Get(prefix_ + kCache + name, kMaxCacheEntry);
  if (!object.ok()) return std::move(object).status();
  return std::move(object->bytes);
}

Status S3Storage::WriteCache(const std::string& name, ByteView sealed) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  Result<S3PutOutcome> put = client_->Put(prefix_ + kCache + name, sealed, S3Condition());
  return put.ok() ? Status() : std::move(put).status();
}

Result<std::vector<std::string>> S3Storage::CacheNames() {
  STATEWARD_RETURN_IF_ERROR(Begin());
  std::vector<std::string> names;
  S3ListRequest request;
  request.prefix = prefix_ + kCache;
  STATEWARD_RETURN_IF_ERROR(client_->List(request, [&](const S3Page& page) {
    for (const S3Page::Entry& object : page.objects) {
      std::string name = object.key.substr(request.prefix.size());
      if (IsCacheName(name)) names.push_back(std::move(name));
    }
    return true;
  }));
  return names;
}

Status S3Storage::RemoveCache(const std::string& name) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  return client_->Delete(prefix_ + kCache + name);
}

}  // namespace stateward
