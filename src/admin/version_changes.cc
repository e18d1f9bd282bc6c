#include "admin/version_changes.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admin/state_diff.h"
#include "admin/state_versions.h"
#include "base/hex.h"
#include "base/json.h"
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

// A row takes 250 bytes; far below kMaxCacheEntry.
constexpr JsonBounds kBounds = {kMaxCacheEntry, 4};

std::string NameOfPair(const VersionDocument& version, const std::optional<VersionDocument>& before,
                       bool first) {
  return HexEncode(version.sha256) + (before  ? "-" + HexEncode(before->sha256)
                                      : first ? "-first"
                                              : "");
}

void WriteChanges(const std::string& documents, const VersionChanges& is, JsonWriter* json) {
  json->BeginObject().Key("documents").String(documents);
  if (is.resources) json->Key("resources").Uint(*is.resources);
  if (is.changes) {
    json->Key("added").Uint(is.changes->added).Key("changed").Uint(is.changes->changed);
    json->Key("removed").Uint(is.changes->removed).Key("moved").Uint(is.changes->moved);
  }
  json->EndObject();
}

VersionChanges ReadChanges(const JsonObject& row) {
  VersionChanges is;
  is.resources = row.Uint("resources");
  if (!row.Has("added")) return is;
  const auto number = [&row](const char* name) { return row.Uint(name).value_or(0); };
  is.changes = ChangeCounts{number("added"), number("changed"), number("removed"), number("moved")};
  return is;
}

}  // namespace

std::string ChangesName(const StateId& id) { return "changes-" + id.hex(); }

Status VersionChangesOf::Forget(const History& history, const StateId& id) {
  return history.caches().RemoveCache(ChangesName(id));
}

Status VersionChangesOf::Load() {
  if (kept_) return Status();
  kept_.emplace();
  Result<SecretBytes> text = history_.ReadCache(ChangesName(state_.id));
  if (!text.ok()) return text.status().code() == Code::kNotFound ? Status() : text.status();
  Result<JsonObject> object = ParseSmallJson(*text, kBounds);
  const auto rows = object.ok() ? object->Objects("rows") : std::nullopt;
  if (!rows) return Status();
  for (const JsonObject& row : *rows) {
    (*kept_)[row.String("documents").value_or("")] = ReadChanges(row);
  }
  return Status();
}

void VersionChangesOf::Save() const {
  if (!new_) return;
  JsonWriter json;
  json.BeginObject().Key("rows").BeginArray();
  for (const auto& [documents, is] : used_) WriteChanges(documents, is, &json);
  json.EndArray().EndObject();
  (void)history_.WriteCache(ChangesName(state_.id), json.text());
}

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
  STATEWARD_RETURN_IF_ERROR(Load());
  const std::string documents = NameOfPair(version, before, first);
  auto known = kept_->find(documents);
  if (known != kept_->end()) return used_[documents] = known->second;
  Result<VersionChanges> is = Compute(version, before, first);
  if (!is.ok()) return is;
  // What damage or a limit kept from being counted is tried again.
  if (!is->resources) return is;
  new_ = true;
  return used_[documents] = *is;
}

}  // namespace stateward
