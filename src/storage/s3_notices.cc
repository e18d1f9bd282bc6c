// What running servers say of themselves, in the s3 storage: an object for each.
#include <utility>

#include "base/hex.h"
#include "storage/fs_layout.h"
#include "storage/s3_storage.h"

namespace stateward {
namespace {

constexpr char kServers[] = "servers/";

}  // namespace

Status S3Storage::Publish(const std::string& server_id, ByteView text) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  Result<S3PutOutcome> put = client_->Put(prefix_ + kServers + server_id, text, S3Condition());
  return put.ok() ? Status() : std::move(put).status();
}

Result<std::vector<ServerNotice>> S3Storage::Published() {
  STATEWARD_RETURN_IF_ERROR(Begin());
  const std::string root = prefix_ + kServers;
  std::vector<ServerNotice> notices;
  S3ListRequest request;
  request.prefix = root;
  Status listed = client_->List(request, [&](const S3Page& page) {
    for (const S3Page::Entry& object : page.objects) {
      std::string id = object.key.substr(root.size());
      if (IsHex(id, 32)) notices.push_back({std::move(id), {}});
    }
    return true;
  });
  if (!listed.ok()) return listed;
  std::vector<ServerNotice> read;
  for (ServerNotice& notice : notices) {
    Result<S3Object> object = client_->Get(root + notice.server_id, fs_layout::kMaxNotice);
    if (!object.ok() && object.status().code() == Code::kNotFound) continue;  // withdrawn
    if (!object.ok()) return std::move(object).status();
    read.push_back({std::move(notice.server_id), std::move(object->bytes)});
  }
  return read;
}

Status S3Storage::Withdraw(const std::string& server_id) {
  STATEWARD_RETURN_IF_ERROR(Begin());
  return client_->Delete(prefix_ + kServers + server_id);
}

}  // namespace stateward
