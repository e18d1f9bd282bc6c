// What can be made again from the records of a store, kept so that it need not be: a sealed text
// for each name, the last one written. A crash may lose one, or bring back the one before: the user
// of an entry proves that it still says what the records say.
//
// Thread rule and errors: stateward/storage.h.
#ifndef STATEWARD_CACHES_H_
#define STATEWARD_CACHES_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/result.h"

namespace stateward {

// The largest one holds the rows of some thousand states, of 400 bytes each.
inline constexpr size_t kMaxCacheEntry = size_t{16} << 20;

// "changes-" and a state's id are 72.
inline bool IsCacheName(std::string_view name) {
  if (name.empty() || name.size() > 80) return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == name.npos;
}

class Caches {
 public:
  virtual ~Caches() = default;
  // `name`: as IsCacheName. kNotFound: there is none of this name.
  virtual Result<Bytes> ReadCache(const std::string& name) = 0;
  // Makes or exchanges it.
  virtual Status WriteCache(const std::string& name, ByteView sealed) = 0;
  virtual Result<std::vector<std::string>> CacheNames() = 0;
  // OK when there is none.
  virtual Status RemoveCache(const std::string& name) = 0;
};

}  // namespace stateward

#endif  // STATEWARD_CACHES_H_
