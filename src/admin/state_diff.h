// What differs between two versions of a state, as rows and as lines.
#ifndef STATEWARD_ADMIN_STATE_DIFF_H_
#define STATEWARD_ADMIN_STATE_DIFF_H_

#include <cstdint>
#include <string>
#include <vector>

#include "admin/find_state.h"
#include "admin/reply.h"
#include "document/document_diff.h"
#include "history/history.h"
#include "stateward/result.h"

namespace stateward {

// The document of record n. `history` and `state` must outlive it.
OpenDocumentFn OpensVersion(const History& history, const FoundState& state, uint64_t n);

// kPermissionDenied: values are asked for, and a setting forbids them.
Status MayShowValues(const Call& call, bool values);

// Rows of kDiffColumns: one for each resource or output; with values one for each attribute.
std::vector<Row> DiffRows(const DocumentDiff& diff, bool values);
// "+1 ~2 -0 resources, ~1 outputs"; or why nothing can be compared.
std::string DiffSummary(const DocumentDiff& diff);
// "~ aws_instance.web (ami, tags)", a line each, and the summary.
Result<std::string> DiffLines(const History& history, const FoundState& state, uint64_t before,
                              uint64_t after);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_STATE_DIFF_H_
