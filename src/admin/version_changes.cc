#include "admin/version_changes.h"

#include <utility>

#include "admin/state_diff.h"
#include "admin/state_versions.h"
#include "document/document_parts.h"

namespace stateward {
namespace {

// What says nothing of the document, and must not be taken for its answer.
bool IsOutage(const Status& status) {
  return status.code() == Code::kUnavailable || status.code() == Code::kOverloaded ||
         status.code() == Code::kInternal;
}

Result<DocumentCounts> CountsOf(const History& history, const FoundState& state, uint64_t n) {
  Result<Opened> opened = OpenDocument(history, state, n);
  if (!opened.ok()) return std::move(opened).status();
  DocumentCounts counts;
  STATEWARD_RETURN_IF_ERROR(CountParts(opened->document, &counts));
  return counts;
}

}  // namespace

Result<VersionChanges> VersionChangesOf::Compute(const VersionDocument& version,
                                                 const std::optional<VersionDocument>& before,
                                                 bool first) {
  VersionChanges out;
  Result<DocumentCounts> counts = CountsOf(history_, state_, version.n);
  if (!counts.ok())
    return IsOutage(counts.status()) ? counts.status() : Result<VersionChanges>(out);
  if (counts->form != DocumentForm::kReadable) return out;
  out.resources = counts->resources;
  if (first) out.changes = ChangeCounts{counts->resources, 0, 0, 0};
  if (!before) return out;
  Result<DocumentDiff> diff = DiffDocuments(OpensVersion(history_, state_, before->n),
                                            OpensVersion(history_, state_, version.n), false);
  if (!diff.ok()) return IsOutage(diff.status()) ? diff.status() : Result<VersionChanges>(out);
  if (diff->form == DocumentForm::kReadable) out.changes = diff->resources;
  return out;
}

Result<VersionChanges> VersionChangesOf::Of(const VersionDocument& version,
                                            const std::optional<VersionDocument>& before,
                                            bool first) {
  return Compute(version, before, first);
}

}  // namespace stateward
