#include "history/moved_uploads.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "history/upload_tag.h"

namespace stateward {
namespace {

std::string MovedTag(const StateId& to, const KeptUpload& upload) {
  return UploadTag("moved:" + to.hex() + upload.content_tag);
}

bool IsCopyOf(const StateId& to, const KeptUpload& copy, const KeptUpload& upload) {
  return copy.id == to && copy.principal_tag == upload.principal_tag &&
         copy.content_tag == MovedTag(to, upload);
}

// Those of the old address, each with whether the new one has it.
Result<std::vector<std::pair<KeptUpload, bool>>> UploadsOf(const History& history,
                                                           const StateId& from, const StateId& to) {
  Result<std::vector<KeptUpload>> all = history.uploads().ListUploads();
  if (!all.ok()) return std::move(all).status();
  std::vector<std::pair<KeptUpload, bool>> out;
  for (const KeptUpload& upload : *all) {
    if (!(upload.id == from)) continue;
    const bool there = std::any_of(all->begin(), all->end(), [&](const KeptUpload& other) {
      return IsCopyOf(to, other, upload);
    });
    out.emplace_back(upload, there);
  }
  return out;
}

Status CopyUpload(const History& history, const KeptUpload& upload, const StateKey& to) {
  Result<Opened> opened = history.OpenUpload(upload);
  if (!opened.ok() && opened.status().unreadable()) {
    return {Code::kConflict,
            "the kept upload " + upload.content_tag + " cannot be read; drop it or see `check`"};
  }
  if (!opened.ok()) return std::move(opened).status();
  opened->info.key = to;
  Result<Bytes> sealed = history.SealUpload(opened->info, opened->document);
  if (!sealed.ok()) return std::move(sealed).status();
  KeptUpload copy = upload;
  copy.id = StateId::Of(to);
  copy.content_tag = MovedTag(copy.id, upload);
  copy.size = sealed->size();
  return history.uploads().PutUpload(copy, *sealed);
}

}  // namespace

Status CopyUploads(const History& history, const StateId& from, const StateKey& to) {
  Result<std::vector<std::pair<KeptUpload, bool>>> uploads =
      UploadsOf(history, from, StateId::Of(to));
  if (!uploads.ok()) return std::move(uploads).status();
  for (const auto& [upload, there] : *uploads) {
    if (there) continue;
    Status copied = CopyUpload(history, upload, to);
    if (!copied.ok() && copied.code() != Code::kNotFound) return copied;  // dropped meanwhile
  }
  return Status();
}

Status RemoveCopiedUploads(const History& history, const StateId& from, const StateId& to) {
  Result<std::vector<std::pair<KeptUpload, bool>>> uploads = UploadsOf(history, from, to);
  if (!uploads.ok()) return std::move(uploads).status();
  for (const auto& [upload, there] : *uploads) {
    if (there) STATEWARD_RETURN_IF_ERROR(history.uploads().RemoveUpload(upload));
  }
  return Status();
}

}  // namespace stateward
