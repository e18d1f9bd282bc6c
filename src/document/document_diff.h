// What differs between two state documents, by address and name of attribute; values only when they
// are asked for and may be shown.
//
// At most one document is in memory at a time. What is kept of each instance while the two are read
// is 56 bytes, and of those that differ their addresses and names, and 16 bytes for each attribute.
#ifndef STATEWARD_DOCUMENT_DOCUMENT_DIFF_H_
#define STATEWARD_DOCUMENT_DOCUMENT_DIFF_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "document/document_parts.h"
#include "document/document_scanner.h"
#include "stateward/bytes.h"
#include "stateward/result.h"

namespace stateward {

enum class PartChange : uint8_t { kAdded, kChanged, kRemoved, kMoved };
// "added", "changed", "removed", "moved".
std::string_view PartChangeName(PartChange change);
// "resource", "data", "output".
std::string_view PartKindName(PartKind kind);

// Why a value does not show.
enum class HiddenBy : uint8_t {
  kNothing,
  kMark,           // the document marks it as sensitive
  kMarkElsewhere,  // a text in it stands in a value with such a mark
  kName,           // it, a key within it or the type of its resource is named like a secret
  kForm,           // it has the form of one
  kPrivate,        // what a provider keeps for itself
  kSize,           // longer than kShownValueMax
};
// "", "marked sensitive", "named like a secret", …
std::string_view HiddenByText(HiddenBy why);

inline constexpr size_t kShownValueMax = 256;  // bytes: a line or two
// Of all values that are shown: a screen holds thousands of them less.
inline constexpr size_t kShownTotalMax = size_t{16} << 20;
// Names of attributes that differ; all schemas of a provider together have some ten thousand.
inline constexpr size_t kMaxNames = 100000;

struct MemberChange {
  uint32_t name = 0;   // of DocumentDiff::names
  std::string before;  // JSON without white space; "" = not there, or hidden
  std::string after;
  HiddenBy hidden = HiddenBy::kNothing;
};

struct PartRow {
  PartChange change = PartChange::kChanged;
  PartKind kind = PartKind::kResource;
  std::string address;
  std::string was;  // of a moved one: its address before
  // In order of name. Of those that were added or removed: only with values.
  std::vector<MemberChange> members;
};

struct ChangeCounts {
  uint64_t added = 0, changed = 0, removed = 0, moved = 0;
};

struct DocumentDiff {
  DocumentInfo before, after;
  uint64_t before_bytes = 0, after_bytes = 0;
  // Of both: kReadable, or why there are no rows.
  DocumentForm form = DocumentForm::kReadable;
  ChangeCounts resources;  // data sources too
  ChangeCounts outputs;
  std::vector<PartRow> rows;       // resources, data sources, outputs; each by address
  std::vector<std::string> names;  // "ami"; what is no attribute stands in brackets: "(status)"
};

// Gives the document; called up to three times, so it must give the same one each time.
using OpenDocumentFn = std::function<Result<SecretBytes>()>;

// An instance that is gone under one address and there under another one has moved when it is the
// only one on both sides with its type and its attribute `id` (and that is no placeholder such as
// "none"), or else with its type and all attributes. What changed in it is listed, too.
//
// Errors: of the two calls; as EachPart and ScanDocument; kTooLarge also when a limit above is
// passed. Thread-safe.
Result<DocumentDiff> DiffDocuments(const OpenDocumentFn& before, const OpenDocumentFn& after,
                                   bool values);

}  // namespace stateward

#endif  // STATEWARD_DOCUMENT_DOCUMENT_DIFF_H_
