// A document that a client sent, with what a pass over all of its bytes says of it.
#ifndef STATEWARD_STATE_SENT_DOCUMENT_H_
#define STATEWARD_STATE_SENT_DOCUMENT_H_

#include "base/sha256.h"
#include "document/document_scanner.h"
#include "stateward/bytes.h"
#include "stateward/result.h"

namespace stateward {

struct SentDocument {
  ByteView bytes;  // must outlive it
  Sha256Digest sha256{};
  Result<DocumentInfo> scanned;  // kInvalidArgument: no state document
};

// Thread-safe.
inline SentDocument LookAtDocument(ByteView bytes) {
  return {bytes, Sha256(bytes), ScanDocument(bytes)};
}

}  // namespace stateward

#endif  // STATEWARD_STATE_SENT_DOCUMENT_H_
