// What the s3 storage keeps beside the versions: kept uploads and the original's data.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/hex.h"
#include "storage/fs_layout.h"
#include "storage/s3_storage.h"

namespace stateward {
namespace {

constexpr char kUploads[] = "uploads/";
constexpr char kLegacy[] = "legacy/";
// Nothing younger is evicted : its sender may have lost the only other copy.
constexpr int64_t kKeptMs = 7LL * 24 * 60 * 60 * 1000;
// The original set no limit; beyond a gibibyte it could not have served it.
constexpr uint64_t kMaxLegacy = uint64_t{1} << 30;
constexpr uint64_t kClaimBytes = 2 * sizeof(Sha256Digest) + 1;

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

Status S3Storage::PutUpload(const KeptUpload& entry, ByteView sealed) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  const std::string folder = prefix_ + kUploads + entry.principal_tag + "/";
  Result<std::vector<KeptUpload>> entries = Uploads(folder);
  if (!entries.ok()) return std::move(entries).status();
  uint64_t bytes = sealed.size();
  for (const KeptUpload& old : *entries) {
    if (old.content_tag == entry.content_tag) return Status();
    bytes += old.size;
  }
  for (const KeptUpload& old : *entries) {
    if (bytes <= options_.uploads_max_bytes) break;
    if (clock_.NowMs() - old.time_ms < kKeptMs) break;
    STATEWARD_RETURN_IF_ERROR(client_->Delete(folder + fs_layout::UploadName(old)));
    bytes -= old.size;
  }
  if (bytes > options_.uploads_max_bytes) {
    return Status::Unavailable(
        "kept uploads: the principal's share is full (KEPT_UPLOADS_MAX_BYTES)");
  }
  Result<S3PutOutcome> put =
      client_->Put(folder + fs_layout::UploadName(entry), sealed, S3Condition());
  return put.ok() ? Status() : std::move(put).status();
}

Result<std::vector<KeptUpload>> S3Storage::ListUploads() {
  STATEWARD_RETURN_IF_ERROR(Begin());
  return Uploads(prefix_ + kUploads);
}

std::string S3Storage::UploadKey(const KeptUpload& upload) const {
  return prefix_ + kUploads + upload.principal_tag + "/" + fs_layout::UploadName(upload);
}

Result<Bytes> S3Storage::GetUpload(const KeptUpload& upload) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  return UploadOf(client_->Get(UploadKey(upload), kMaxLegacy));
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

// The size stands in the key, so another size is another object, made before the old one goes.
Status S3Storage::ReplaceUpload(const KeptUpload& entry, ByteView sealed) {
  Result<Bytes> there = GetUpload(entry);
  if (!there.ok()) return std::move(there).status();
  KeptUpload resized = entry;
  resized.size = sealed.size();
  const std::string target = UploadKey(resized);
  Result<S3PutOutcome> put = client_->Put(target, sealed, S3Condition());
  if (!put.ok()) return std::move(put).status();
  const std::string key = UploadKey(entry);
  return target == key ? Status() : client_->Delete(key);
}

Status S3Storage::RemoveUpload(const KeptUpload& entry) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  return client_->Delete(UploadKey(entry));
}

// At the bucket's root, where the original put it: it knew no prefix.
Result<Bytes> S3Storage::GetLegacy(const std::string& legacy_id) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  Result<S3Object> object = client_->Get(fs_layout::LegacyName(legacy_id), kMaxLegacy);
  if (object.ok() && object->bytes.empty()) return Status::Corruption("legacy state: empty");
  if (object.ok()) return std::move(object->bytes);
  if (object.status().code() != Code::kNotFound) return std::move(object).status();
  return Absent(std::move(object).status());
}

Status S3Storage::ListLegacy(const std::function<bool(const LegacyBlob&)>& each) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  std::vector<std::string> blobs;
  S3ListRequest root;
  root.folders = true;
  Status listed = client_->List(root, [&](const S3Page& page) {
    for (const S3Page::Entry& object : page.objects) {
      auto legacy_id = fs_layout::ParseLegacyName(object.key);
      if (legacy_id) blobs.push_back(std::move(*legacy_id));
    }
    return true;
  });
  if (!listed.ok()) {
    return std::move(listed).At(
        "the original's objects lie at the bucket's root, and listing them needs "
        "s3:ListBucket without a prefix");
  }
  // Behind the blobs: what is claimed meanwhile is seen as claimed.
  std::unordered_set<std::string> claimed;
  S3ListRequest claims;
  claims.prefix = prefix_ + kLegacy;
  if (!blobs.empty()) {
    STATEWARD_RETURN_IF_ERROR(client_->List(claims, [&](const S3Page& page) {
      for (const S3Page::Entry& object : page.objects) {
        claimed.insert(object.key.substr(claims.prefix.size()));
      }
      return true;
    }));
  }
  STATEWARD_RETURN_IF_ERROR(marker_.Look());
  for (const std::string& legacy_id : blobs) {
    if (!each({legacy_id, claimed.count(legacy_id) > 0})) return Status();
  }
  return Status();
}

Result<std::optional<StateId>> S3Storage::LegacyClaim(const std::string& legacy_id) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  Result<S3Object> object = client_->Get(prefix_ + kLegacy + legacy_id, kClaimBytes);
  if (!object.ok()) {
    if (object.status().code() != Code::kNotFound) return std::move(object).status();
    STATEWARD_RETURN_IF_ERROR(marker_.Look());
    return std::optional<StateId>();
  }
  StateId id;
  std::string text(ByteView(object->bytes).AsString());
  if (text.size() != kClaimBytes || !StateId::Parse(text.substr(0, kClaimBytes - 1), &id)) {
    return Status::Corruption("legacy claim " + legacy_id);
  }
  return std::optional<StateId>(id);
}

Result<StateId> S3Storage::ClaimLegacy(const std::string& legacy_id, const StateId& id) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  Result<S3PutOutcome> put =
      client_->Put(prefix_ + kLegacy + legacy_id, id.hex() + "\n", S3Condition::Absent());
  if (!put.ok()) return std::move(put).status();
  if (put->done) return id;
  Result<std::optional<StateId>> claim = LegacyClaim(legacy_id);
  if (!claim.ok()) return std::move(claim).status();
  if (!claim->has_value()) return Status::Unavailable("legacy claim vanished");
  return std::move(**claim);
}

}  // namespace stateward
