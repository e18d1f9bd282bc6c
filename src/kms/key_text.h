// Keys as people write them: base64 of 32 bytes.
#ifndef STATEWARD_KMS_KEY_TEXT_H_
#define STATEWARD_KMS_KEY_TEXT_H_

#include <string_view>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

// Reads one key; blanks around it do not count. kInvalidArgument: not base64 of 32 bytes, or so
// simple that nobody drew it at random. The text says why, never what the key is.
Result<SecretBytes> ParseKey(std::string_view text);

// Reads any number of keys with blanks, line ends or commas between them; from # to the end of the
// line is a comment. kInvalidArgument as above, with the place: "key 3: …".
Result<std::vector<SecretBytes>> ParseKeys(std::string_view text);

// A fresh key, in the form that ParseKey reads.
SecretString NewKeyText();

}  // namespace stateward

#endif  // STATEWARD_KMS_KEY_TEXT_H_
