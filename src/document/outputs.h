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

// The outputs as a state document of their own, for clients that read nothing else (the data source
// terraform_remote_state): of version 4, with the document's serial, a lineage that is derived from
// its lineage (so that it cannot be pushed to the state) and no resources. What is marked sensitive
// is left out unless `sensitive`. Errors as above, but for kNotFound and kPermissionDenied.
Result<SecretBytes> OutputsDocument(ByteView document, bool sensitive);

// Of what OutputsDocument made, the part that is the same in each version of a state with the same
// outputs.
ByteView WithoutSerial(ByteView outputs_document);

}  // namespace stateward

#endif  // STATEWARD_DOCUMENT_OUTPUTS_H_
