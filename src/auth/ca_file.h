// The file of certificate authorities that an issuer's certificate is checked against.
#ifndef STATEWARD_AUTH_CA_FILE_H_
#define STATEWARD_AUTH_CA_FILE_H_

#include <string>

#include "stateward/result.h"

namespace stateward {

// OK for a regular file of at most 4 MiB (the system's own has 200 KiB) that can be read and holds
// at least one certificate in PEM, and none that is damaged. Else kInvalidArgument says what is
// wrong.
Status CheckCaFile(const std::string& path);

}  // namespace stateward

#endif  // STATEWARD_AUTH_CA_FILE_H_
