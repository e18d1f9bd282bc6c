// Which values may be shown: what a document marks as sensitive is far from all that is secret in
// it. A list of names and forms, so it hides some that are none and cannot know all that are.
#ifndef STATEWARD_DOCUMENT_SECRET_NAMES_H_
#define STATEWARD_DOCUMENT_SECRET_NAMES_H_

#include <string_view>

namespace stateward {

// By the name of an attribute, of an output or of a key within a value. Case and the signs `_`, `-`
// and `.` do not count. All: thread-safe.
bool IsNamedLikeSecret(std::string_view name);
// By the type of a resource whose purpose is a secret, such as random_password.
bool IsTypeOfSecrets(std::string_view type);
// One of the names in the address of a resource or an output.
bool IsAddressOfSecret(std::string_view address);
// By its form: a private key in PEM, an address with a password, a signed token, a token of a known
// service, a password that a text names (`password=`, `"password":`, `mysql -u … -p…`).
bool LooksLikeSecret(std::string_view text);

}  // namespace stateward

#endif  // STATEWARD_DOCUMENT_SECRET_NAMES_H_
