// A signature as RFC 7518 writes it (r and s side by side) in the form that OpenSSL reads.
#ifndef STATEWARD_AUTH_ECDSA_SIGNATURE_H_
#define STATEWARD_AUTH_ECDSA_SIGNATURE_H_

#include "stateward/bytes.h"
#include "stateward/result.h"

struct evp_pkey_st;

namespace stateward {

// kUnauthenticated: not twice as long as a coordinate of the key's curve; r or s is 0 or not below
// the curve's order. REQUIRES: an EC key. Thread-safe.
Result<Bytes> EcdsaToDer(evp_pkey_st* key, ByteView signature);

}  // namespace stateward

#endif  // STATEWARD_AUTH_ECDSA_SIGNATURE_H_
