// The bytes of a SealedInfo that lie encrypted in front of the document.
// docs/formats.md, "Sealed info".
#ifndef STATEWARD_KMS_SEALED_INFO_H_
#define STATEWARD_KMS_SEALED_INFO_H_

#include "stateward/bytes.h"
#include "stateward/kms.h"
#include "stateward/result.h"

namespace stateward {

// kInvalidArgument: longer than kMaxInfo.
Result<SecretBytes> EncodeSealedInfo(const SealedInfo& info);

// Passes over fields that it does not know. kCorruption: broken, or a field that must be there is
// not, or a kind of record that this version does not know.
Result<SealedInfo> DecodeSealedInfo(ByteView bytes);

}  // namespace stateward

#endif  // STATEWARD_KMS_SEALED_INFO_H_
