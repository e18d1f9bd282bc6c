// What is known of one issuer's keys, in a file of RUNTIME_DIR: shared by the workers of a host,
// and there before a new worker has asked the issuer.
//
// The keys are public; what matters is that nobody else can put them there. A file is believed only
// when it is a plain file, ours, and writable by nobody else.
#ifndef STATEWARD_AUTH_KEY_CACHE_H_
#define STATEWARD_AUTH_KEY_CACHE_H_

#include <cstdint>
#include <map>
#include <string>

#include "base/files.h"
#include "stateward/disk.h"
#include "stateward/result.h"

namespace stateward {

struct CachedKeys {
  std::string key_set;       // the issuer's text; "" = none was ever had
  int64_t fetched_ms = 0;    // when that was
  int64_t attempted_ms = 0;  // when the issuer was last asked, with or without success
};

// Thread-safe.
class KeyCache {
 public:
  // `folder` "" = there is none: nothing is found, nothing is kept.
  KeyCache(Disk& disk, std::string folder, std::string issuer);

  // Lets one process at a time ask the issuer, at most `limit_ms`; held by the descriptor.
  Result<Fd> Lock(int limit_ms);
  // kNotFound: none, or none that may be believed.
  Result<CachedKeys> Read();
  Status Write(const CachedKeys& keys);

 private:
  Disk& disk_;
  const std::string folder_;
  const std::string issuer_;
  const std::string name_;
};

// Of which issuers there are keys in `folder`, by URL, and when they were fetched. What may not be
// believed is left out.
std::map<std::string, int64_t> CachedIssuers(Disk& disk, const std::string& folder);

}  // namespace stateward

#endif  // STATEWARD_AUTH_KEY_CACHE_H_
