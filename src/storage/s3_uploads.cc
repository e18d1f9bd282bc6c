// Kept uploads in the s3 storage: an object for each. What S3 shows, it keeps.
#include <utility>

#include "base/hex.h"
#include "storage/fs_layout.h"
#include "storage/s3_storage.h"

namespace stateward {
namespace {

constexpr char kUploads[] = "uploads/";

}  // namespace

// Entries below uploads/, oldest first for each principal.
Result<std::vector<KeptUpload>> S3Storage::Uploads(const std::string& prefix) {
  const std::string root = prefix_ + kUploads;
  S3ListRequest request;
  request.prefix = prefix;
  std::vector<KeptUpload> entries;
  Status listed = client_->List(request, [&](const S3Page& page) {
    for (const S3Page::Entry& object : page.objects) {
      std::string name = object.key.substr(root.size());
      size_t slash = name.find('/');
      if (slash == std::string::npos || !IsHex(name.substr(0, slash), 32)) continue;
      auto entry = fs_layout::ParseUploadName(name.substr(0, slash), name.substr(slash + 1));
      if (entry) entries.push_back(std::move(*entry));
    }
    return true;
  });
  if (!listed.ok()) return listed;
  return entries;
}

Status S3Storage::PutUpload(const KeptUpload& upload, ByteView sealed) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  Result<S3PutOutcome> put = client_->Put(UploadKey(upload), sealed, S3Condition::Absent());
  return put.ok() ? Status() : std::move(put).status();
}

Status S3Storage::SettleUpload(const KeptUpload& upload) {
  Result<Bytes> there = GetUploadPrefix(upload, 1);
  return there.ok() ? Status() : std::move(there).status();
}

Result<std::vector<KeptUpload>> S3Storage::ListUploads() {
  STATEWARD_RETURN_IF_ERROR(Begin());
  return Uploads(prefix_ + kUploads);
}

Result<std::vector<KeptUpload>> S3Storage::ListUploadsOf(const std::string& principal_tag) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  return Uploads(prefix_ + kUploads + principal_tag + "/");
}

std::string S3Storage::UploadKey(const KeptUpload& upload) const {
  return prefix_ + kUploads + upload.principal_tag + "/" + fs_layout::UploadName(upload);
}

Result<Bytes> S3Storage::GetUpload(const KeptUpload& upload) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  return UploadOf(client_->Get(UploadKey(upload), fs_layout::kMaxRecord));
}

Result<Bytes> S3Storage::GetUploadPrefix(const KeptUpload& upload, size_t limit) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  return UploadOf(client_->GetFront(UploadKey(upload), limit));
}

Result<Bytes> S3Storage::UploadOf(Result<S3Object> object) {
  if (object.ok()) return std::move(object->bytes);
  if (object.status().code() != Code::kNotFound) return std::move(object).status();
  return Absent(std::move(object).status());
}

// The size stands in the key, so another size is another object, made before the old one goes. What
// somebody removes meanwhile must not come back.
Status S3Storage::ReplaceUpload(const KeptUpload& entry, ByteView sealed) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  const std::string key = UploadKey(entry);
  Result<S3Object> there = client_->GetFront(key, 1);
  if (!there.ok()) return UploadOf(std::move(there)).status();
  KeptUpload resized = entry;
  resized.size = sealed.size();
  const std::string target = UploadKey(resized);
  const bool same = target == key;
  Result<S3PutOutcome> put =
      client_->Put(target, sealed, same ? S3Condition::Etag(there->etag) : S3Condition());
  if (!put.ok()) return std::move(put).status();
  if (same) return put->done ? Status() : Status::NotFound("the upload was removed meanwhile");
  there = client_->GetFront(key, 1);
  if (there.ok()) return client_->Delete(key);
  if (there.status().code() != Code::kNotFound) return std::move(there).status();
  STATEWARD_RETURN_IF_ERROR(client_->Delete(target));
  return Status::NotFound("the upload was removed meanwhile");
}

Status S3Storage::RemoveUpload(const KeptUpload& entry) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  return client_->Delete(UploadKey(entry));
}

}  // namespace stateward
