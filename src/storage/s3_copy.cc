// What a copy of a store needs besides, in the s3 storage.
#include <utility>
#include <vector>

#include "base/hex.h"
#include "stateward/closed_store.h"
#include "storage/fs_layout.h"
#include "storage/s3_storage.h"

namespace stateward {
namespace {

constexpr char kLegacy[] = "legacy/";

}  // namespace

// The marker is read each time: what puts must not go on when the store was opened.
Status S3Storage::BeginClosed() {
  STATEWARD_RETURN_IF_ERROR(Begin());
  STATEWARD_RETURN_IF_ERROR(marker_.LookIfDue());
  Result<StoreIdentity> identity = fs_layout::ParseMarker(marker_.Text());
  if (!identity.ok()) return std::move(identity).status();
  return IsClosed(*identity) ? Status() : Status::Internal("the store is not closed");
}

Status S3Storage::EachClaim(
    const std::function<bool(const std::string& name, const StateId& id)>& each) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  S3ListRequest request;
  request.prefix = prefix_ + kLegacy;
  std::vector<std::string> names;
  STATEWARD_RETURN_IF_ERROR(client_->List(request, [&](const S3Page& page) {
    for (const S3Page::Entry& object : page.objects) {
      std::string name = object.key.substr(request.prefix.size());
      if (IsHex(name, 2 * sizeof(Sha256Digest))) names.push_back(std::move(name));
    }
    return true;
  }));
  STATEWARD_RETURN_IF_ERROR(marker_.Look());
  for (const std::string& name : names) {
    Result<std::optional<StateId>> id = LegacyClaim(name);
    if (!id.ok()) return std::move(id).status();
    if (id->has_value() && !each(name, **id)) break;
  }
  return Status();
}

Status S3Storage::PutRecord(const StateId& id, uint64_t n, ByteView sealed) {
  STATEWARD_RETURN_IF_ERROR(fs_layout::CheckNumber(n));
  STATEWARD_RETURN_IF_ERROR(BeginClosed());
  Result<S3PutOutcome> put = client_->Put(Key(id, n), sealed, S3Condition());
  return put.ok() ? Status() : std::move(put).status();
}

Status S3Storage::PutLegacy(const std::string& legacy_id, ByteView blob) {
  STATEWARD_RETURN_IF_ERROR(BeginClosed());
  Result<S3PutOutcome> put =
      client_->Put(fs_layout::LegacyName(legacy_id), blob, S3Condition::Absent());
  if (!put.ok()) return std::move(put).status();
  if (put->done) return Status();
  Result<Bytes> there = GetLegacy(legacy_id);
  if (!there.ok()) return std::move(there).status();
  return ByteView(*there) == blob ? Status() : fs_layout::OtherLegacy(legacy_id);
}

}  // namespace stateward
