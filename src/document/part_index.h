// What is kept of a document's parts to compare two of them: digests.
#ifndef STATEWARD_DOCUMENT_PART_INDEX_H_
#define STATEWARD_DOCUMENT_PART_INDEX_H_

#include <cstddef>
#include <vector>

#include "document/document_diff.h"
#include "document/document_parts.h"
#include "document/marked_texts.h"
#include "stateward/bytes.h"
#include "stateward/status.h"

namespace stateward {

struct IndexedPart {
  PartDigest address;
  PartDigest content;
  PartDigest identity;  // of type and id; or of type and attributes, where there is no id
  PartKind kind = PartKind::kResource;
};

PartDigest AddressDigest(PartKind kind, const std::string& address);

// Sorted by address. `marked`: gets what is marked as sensitive; or nullptr. kConflict also: an
// address stands twice.
Status IndexParts(ByteView document, DocumentShape* shape, std::vector<IndexedPart>* parts,
                  MarkedTexts* marked);

inline constexpr size_t kNoPart = SIZE_MAX;
// A part of the one and of the other document; kNoPart where it is missing.
struct PartPair {
  PartChange change;
  size_t before = kNoPart;
  size_t after = kNoPart;
};

// What differs, moved ones recognised.
std::vector<PartPair> PairParts(const std::vector<IndexedPart>& before,
                                const std::vector<IndexedPart>& after);

}  // namespace stateward

#endif  // STATEWARD_DOCUMENT_PART_INDEX_H_
