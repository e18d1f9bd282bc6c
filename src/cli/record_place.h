// Where a record's file belongs, read from its path in an fs store.
#ifndef STATEWARD_CLI_RECORD_PLACE_H_
#define STATEWARD_CLI_RECORD_PLACE_H_

#include <optional>
#include <string>

#include "stateward/disk.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

struct RecordPlace {
  std::string store_dir;
  StateId id;
  uint64_t n = 0;  // 0: a kept upload
};

// Absolute and without links, as PlaceOf wants it; the path itself when there is no such file.
std::string WholePath(const std::string& path);

// <store>/states/<aa>/<id>/<20 digits> or <store>/uploads/<tag>/<name>. nullopt: neither.
std::optional<RecordPlace> PlaceOf(const std::string& whole_path);

// The store's id from the marker in its folder.
Result<std::string> StoreIdOf(Disk& disk, const std::string& store_dir);

}  // namespace stateward

#endif  // STATEWARD_CLI_RECORD_PLACE_H_
