// How far a name that was typed is from one that is known.
#ifndef STATEWARD_BASE_EDIT_DISTANCE_H_
#define STATEWARD_BASE_EDIT_DISTANCE_H_

#include <cstddef>
#include <string_view>

namespace stateward {

// Bytes that must be put in, taken out or exchanged to make `b` of `a` (Levenshtein). Takes time in
// proportion to the product of their sizes: for names.
size_t EditDistance(std::string_view a, std::string_view b);

// From this distance on another word is meant, not a slip: more than a third of the letters differ.
inline size_t TooFar(std::string_view typed) { return typed.size() / 3 + 1; }

}  // namespace stateward

#endif  // STATEWARD_BASE_EDIT_DISTANCE_H_
