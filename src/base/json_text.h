// The inside of a JSON string, as it stands between the quotes ("raw").
//
// All functions REQUIRE raw text that WalkJson() has accepted. Thread-safe (no state).
#ifndef STATEWARD_BASE_JSON_TEXT_H_
#define STATEWARD_BASE_JSON_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace stateward {

// The character at *at, with its escape undone; moves *at behind it. A surrogate escape without its
// partner gives U+FFFD, as in Go's encoding/json: the clients write and read with that, so a
// document they can read is not refused here.
// REQUIRES: *at < raw.size()
uint32_t NextJsonChar(std::string_view raw, size_t* at);

// The string itself, in UTF-8.
std::string JsonUnescape(std::string_view raw);

// Folds a character as far as Go's encoding/json does when it compares a key with a field name
// made of ASCII letters: upper case, U+017F (long s) and U+212A (Kelvin sign) are s and k.
uint32_t FoldJsonChar(uint32_t c);

// The string itself, each character folded: equal for keys that one Go field would take.
std::string JsonFold(std::string_view raw);

// True if a Go reader takes a key `raw` for the field `name`. No heap.
// REQUIRES: name is lower-case ASCII
bool JsonKeyFoldsTo(std::string_view raw, std::string_view name);

// Calls `each` with every text in the JSON value `json`, as it stands between its quotes, and
// whether it is a key, until it returns false.
void EachJsonText(std::string_view json, const std::function<bool(std::string_view, bool)>& each);

}  // namespace stateward

#endif  // STATEWARD_BASE_JSON_TEXT_H_
