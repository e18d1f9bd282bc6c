// Single members of Vault's answers, taken out without a tree: what they hold may be secret, so
// nothing of it is copied but into memory that is wiped.
#ifndef STATEWARD_VAULT_VAULT_JSON_H_
#define STATEWARD_VAULT_VAULT_JSON_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "stateward/bytes.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

// Names from the document's own level inwards: {"data", "metadata", "version"}.
using JsonPath = std::initializer_list<std::string_view>;

// kInvalidArgument: not one JSON object, or a name on the way stands twice. nullopt: no such
// member, or it is null, or of another type, or (a text) not of ASCII alone.
Result<std::optional<SecretString>> JsonText(ByteView document, JsonPath path);
Result<std::optional<uint64_t>> JsonNumber(ByteView document, JsonPath path);
Result<std::optional<bool>> JsonBool(ByteView document, JsonPath path);

// OK: one JSON object.
Status CheckJson(ByteView document);

// The first text of {"errors": [...]}, cut to what fits a log line; "" when there is none. Vault
// names no secrets in it.
std::string FirstVaultError(ByteView document);

}  // namespace stateward

#endif  // STATEWARD_VAULT_VAULT_JSON_H_
