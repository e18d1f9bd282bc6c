#include "moving/s3_source.h"

#include <utility>

#include "moving/lock_text.h"
#include "moving/source_time.h"

namespace stateward {
namespace {

constexpr char kLockEnd[] = ".tflock";
constexpr uint64_t kMaxLock = uint64_t{64} << 10;
// Of a bucket that keeps no old versions; asked for without naming it.
constexpr char kNoVersion[] = "null";

}  // namespace

Result<std::unique_ptr<Source>> S3Source::Open(S3SourceOptions options, const Clock& clock) {
  if (options.key.empty() || options.key.front() == '/') {
    return Status::InvalidArgument("the key must not begin with '/'");
  }
  Result<std::unique_ptr<S3Client>> client = NewS3Client(options.settings, clock);
  if (!client.ok()) return std::move(client).status();
  return std::unique_ptr<Source>(
      std::make_unique<S3Source>(std::move(options), *std::move(client), clock));
}

Result<std::vector<SourceState>> S3Source::List() {
  Result<bool> bucket = client_->HasBucket();
  if (!bucket.ok()) return std::move(bucket).status();
  if (!*bucket) return Status::InvalidArgument("there is no bucket " + options_.settings.bucket);
  std::vector<SourceState> states;
  Result<S3Object> there = client_->GetFront(options_.key, 1);
  if (there.ok()) states.push_back({"default", PlaceOf(options_.key)});
  if (!there.ok() && there.status().code() != Code::kNotFound) return std::move(there).status();
  const std::string prefix = options_.workspace_key_prefix + "/";
  const std::string end = "/" + options_.key;
  S3ListRequest request;
  request.prefix = prefix;
  const Status listed = client_->List(request, [&](const S3Page& page) {
    for (const S3Page::Entry& entry : page.objects) {
      if (entry.key.size() <= prefix.size() + end.size()) continue;
      const size_t size = entry.key.size() - prefix.size() - end.size();
      const std::string workspace = entry.key.substr(prefix.size(), size);
      const bool fits = entry.key.compare(prefix.size() + size, end.size(), end) == 0;
      if (!fits || workspace.find('/') != workspace.npos) continue;
      states.push_back({workspace, PlaceOf(entry.key)});
    }
    return true;
  });
  if (!listed.ok()) return listed;
  return states;
}

Result<std::vector<SourceVersion>> S3Source::Versions(const SourceState& state) {
  Result<std::vector<S3ObjectVersion>> all = client_->Versions(KeyOf(state));
  if (!all.ok()) {
    return std::move(all).status().At(
        "the bucket's versions cannot be listed (s3:ListBucketVersions)");
  }
  std::vector<SourceVersion> versions;
  for (const S3ObjectVersion& version : *all) {
    if (version.deleted) continue;
    // Where no versions are kept there is one, which a key without a right to versions may read.
    // Where they are kept since later, "null" is the one from before that.
    const bool only = version.id == kNoVersion && all->size() == 1;
    versions.push_back({only ? "" : version.id, ParseSourceTime(version.time)});
  }
  return versions;
}

Result<SecretBytes> S3Source::Read(const SourceState& state, const SourceVersion& version) {
  const std::string key = KeyOf(state);
  Result<S3Object> object = version.id.empty()
                                ? client_->Get(key, kMaxSourceDocument)
                                : client_->GetVersion(key, version.id, kMaxSourceDocument);
  if (!object.ok()) return std::move(object).status();
  SecretBytes document(object->bytes.begin(), object->bytes.end());
  WipeMemory(object->bytes.data(), object->bytes.size());
  return document;
}

Result<SourceLock> S3Source::Lock(const SourceState& state) {
  const std::string key = KeyOf(state) + kLockEnd;
  const std::string path = options_.settings.bucket + "/" + KeyOf(state);
  const std::string info = ImportLockInfo(ImportLockId(state.place), path, clock_.NowMs());
  // Keys that may only read cannot lock; but they see who has.
  Result<S3PutOutcome> put = client_->Put(key, info, S3Condition::Absent());
  if (put.ok() && put->done) return SourceLock::kHeld;
  Result<S3Object> there = client_->Get(key, kMaxLock);
  if (there.ok()) {
    std::string id;
    const std::string who = WhoHolds(there->bytes, &id);
    const RunState run = WhoseImport(id, state.place);
    if (run == RunState::kThis) return SourceLock::kHeld;
    if (run == RunState::kGone) {
      put = client_->Put(key, info, S3Condition::Etag(there->etag));
      if (!put.ok()) return std::move(put).status();
      if (put->done) return SourceLock::kHeld;
    }
    return Status(Code::kLocked, PlaceOf(key) + ": locked by " + who);
  }
  if (there.status().code() != Code::kNotFound) return std::move(there).status();
  return SourceLock::kNone;
}

// Somebody may have forced it, and another client hold it now.
Status S3Source::Unlock(const SourceState& state) {
  const std::string key = KeyOf(state) + kLockEnd;
  Result<S3Object> there = client_->Get(key, kMaxLock);
  if (!there.ok()) {
    return there.status().code() == Code::kNotFound ? Status() : std::move(there).status();
  }
  std::string id;
  const std::string who = WhoHolds(there->bytes, &id);
  if (id == ImportLockId(state.place)) return client_->Delete(key);
  return {Code::kConflict, PlaceOf(key) + ": the lock was forced, and is held by " + who +
                               "; what came may be old: run it again"};
}

}  // namespace stateward
