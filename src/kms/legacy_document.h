// What a blob of the original may hold. docs/formats.md, "Blobs of terraform-backend".
#ifndef STATEWARD_KMS_LEGACY_DOCUMENT_H_
#define STATEWARD_KMS_LEGACY_DOCUMENT_H_

#include "stateward/bytes.h"
#include "stateward/status.h"

namespace stateward {

// The original sealed documents with keys that seal other things too: Transit wraps our data keys.
// Anyone who can write to the store could have such a text opened as a state. So only what is a
// state comes out: one JSON object whose top level has `version`, a number, or OpenTofu's
// `encryption_version`, a text that is not empty.
//
// kCorruption: it is none. The text holds no byte of it.
Status CheckLegacyDocument(ByteView document);

}  // namespace stateward

#endif  // STATEWARD_KMS_LEGACY_DOCUMENT_H_
