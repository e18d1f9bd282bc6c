// The root outputs of a state document, taken from its bytes without building a tree.
#ifndef STATEWARD_DOCUMENT_OUTPUTS_H_
#define STATEWARD_DOCUMENT_OUTPUTS_H_

#include <cstddef>
#include <optional>
#include <string>

#include "stateward/bytes.h"
#include "stateward/result.h"

namespace stateward {

// Modules have dozens. What is kept of each while the document is read is 100 bytes.
inline constexpr size_t kMaxOutputs = 100000;

// With `name`: the value of that output, byte for byte as it stands in the document. Without: one
// object, {"name":{"sensitive":false,"type":…,"value":…},…} as `terraform output -json` shows it;
// outputs that are marked sensitive are left out unless `sensitive`.
//
// An output whose mark is anything but a plain false counts as sensitive.
//
// kNotFound: no output of that name. kPermissionDenied: it is sensitive. kConflict: the document
// cannot say (encrypted by the client, of another version than 4, no JSON, or a key stands twice,
// so that readers may differ). The texts hold no byte of the document. Thread-safe.
Result<SecretBytes> ExtractOutputs(ByteView document, const std::optional<std::string>& name,
                                   bool sensitive);

}  // namespace stateward

#endif  // STATEWARD_DOCUMENT_OUTPUTS_H_
