// The names that make a state's address: PROJECT/NAME. A nested name (NESTED_NAMES) has slashes
// itself, so the first slash of an address always ends the project.
#ifndef STATEWARD_BASE_STATE_NAME_H_
#define STATEWARD_BASE_STATE_NAME_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "stateward/state.h"
#include "stateward/status.h"

namespace stateward {

// 1 to 128 bytes of A-Za-z0-9._~-, not "." or "..".
bool IsStateName(std::string_view name);

// The longest nested name. Folders of Terragrunt are named so; a path of 4 KiB would not fit where
// addresses are shown, logged and sealed.
inline constexpr size_t kMaxNestedName = 512;

// At least two of IsStateName with a slash between, and none of them a word that stands behind a
// state's address: lock, outputs, outputs.tfstate, versions.
bool IsNestedName(std::string_view name);

// kConflict: no client reaches this address. `nested_names`: NESTED_NAMES.
Status CheckServed(const StateKey& key, bool nested_names);

// "project/name": what SplitStateName splits.
std::string StateText(const StateKey& key);

// "project/name" in its two parts; the name may be nested. False when it is no address of a state.
bool SplitStateName(std::string_view text, std::string_view* project, std::string_view* name);

}  // namespace stateward

#endif  // STATEWARD_BASE_STATE_NAME_H_
