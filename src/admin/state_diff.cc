#include "admin/state_diff.h"

#include <utility>

#include "admin/state_versions.h"
#include "base/shown_text.h"

namespace stateward {
namespace {

Value AttributesOf(const DocumentDiff& diff, const PartRow& row) {
  if (row.members.empty()) return Value();
  std::vector<std::string> names;
  for (const MemberChange& member : row.members) names.push_back(diff.names[member.name]);
  return names;
}

Row RowOf(const PartRow& row, Value attributes) {
  return {std::string(PartChangeName(row.change)),
          std::string(PartKindName(row.kind)),
          row.address,
          TextOrNull(row.was),
          std::move(attributes),
          Value(),
          Value(),
          Value()};
}

// Of documents that only their clients can read.
std::vector<Row> DocumentRows(const DocumentDiff& diff) {
  const auto row = [](const char* what, uint64_t before, uint64_t after) -> Row {
    return {std::string("changed"),
            std::string("document"),
            Value(),
            Value(),
            std::vector<std::string>{what},
            std::to_string(before),
            std::to_string(after),
            Value()};
  };
  return {row("(serial)", diff.before.serial, diff.after.serial),
          row("(size)", diff.before_bytes, diff.after_bytes)};
}

std::string Counts(const ChangeCounts& counts, const char* of) {
  std::string out = "+" + std::to_string(counts.added) + " ~" + std::to_string(counts.changed) +
                    " -" + std::to_string(counts.removed);
  if (counts.moved > 0) out += " moved " + std::to_string(counts.moved);
  return out + " " + of;
}

}  // namespace

Status MayShowValues(const Call& call, bool values) {
  if (!values || call.service.rules().diff_values) return Status();
  return {Code::kPermissionDenied, "values are not shown here: DIFF_VALUES=false"};
}

std::vector<Row> DiffRows(const DocumentDiff& diff, bool values) {
  if (diff.form != DocumentForm::kReadable) return DocumentRows(diff);
  std::vector<Row> out;
  for (const PartRow& row : diff.rows) {
    if (!values || row.members.empty()) {
      out.push_back(RowOf(row, AttributesOf(diff, row)));
      continue;
    }
    for (const MemberChange& member : row.members) {
      Row one = RowOf(row, std::vector<std::string>{diff.names[member.name]});
      one[5] = TextOrNull(member.before);
      one[6] = TextOrNull(member.after);
      one[7] = TextOrNull(std::string(HiddenByText(member.hidden)));
      out.push_back(std::move(one));
    }
  }
  return out;
}

std::string DiffSummary(const DocumentDiff& diff) {
  switch (diff.form) {
    case DocumentForm::kEncrypted:
      return "the client encrypted this state: only sizes and serials can be compared";
    case DocumentForm::kOther:
      return "this state is not of version 4: only sizes and serials can be compared";
    case DocumentForm::kReadable:
      break;
  }
  return Counts(diff.resources, "resources, ") + Counts(diff.outputs, "outputs");
}

Result<std::string> DiffLines(const History& history, const FoundState& state, uint64_t before,
                              uint64_t after) {
  Result<DocumentDiff> diff = DiffDocuments(OpensVersion(history, state, before),
                                            OpensVersion(history, state, after), false);
  if (!diff.ok()) return std::move(diff).status();
  std::string out;
  for (const PartRow& row : diff->rows) {
    out += row.change == PartChange::kAdded     ? "+ "
           : row.change == PartChange::kRemoved ? "- "
                                                : "~ ";
    out += (row.kind == PartKind::kOutput ? "output " : "") + ShownText(row.address);
    if (!row.was.empty()) out += " (was " + ShownText(row.was) + ")";
    for (size_t i = 0; i < row.members.size(); ++i) {
      out += (i == 0 ? ": " : ", ") + ShownText(diff->names[row.members[i].name]);
    }
    out += "\n";
  }
  return out + DiffSummary(*diff) + "\n";
}

OpenDocumentFn OpensVersion(const History& history, const FoundState& state, uint64_t n) {
  return [&history, &state, n]() -> Result<SecretBytes> {
    Result<Opened> opened = OpenDocument(history, state, n);
    if (!opened.ok()) return std::move(opened).status();
    return std::move(opened->document);
  };
}

}  // namespace stateward
