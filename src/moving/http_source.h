// States behind addresses of the http backend, one for each workspace; no old versions. Locked by
// the backend's own requests, where an address for that is given.
#ifndef STATEWARD_MOVING_HTTP_SOURCE_H_
#define STATEWARD_MOVING_HTTP_SOURCE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "moving/source.h"
#include "moving/web.h"
#include "stateward/clock.h"

namespace stateward {

// In each address {workspace} stands for the state.
struct HttpSourceOptions {
  std::string address;
  std::string lock_address;  // "" = there is no lock
  std::string unlock_address;
  std::string lock_method = "LOCK";
  std::string unlock_method = "UNLOCK";
  std::vector<std::string> workspaces;
};

class HttpSource : public Source {
 public:
  HttpSource(HttpSourceOptions options, std::unique_ptr<Web> web, const Clock& clock)
      : options_(std::move(options)), web_(std::move(web)), clock_(clock) {}

  Result<std::vector<SourceState>> List() override;
  Result<std::vector<SourceVersion>> Versions(const SourceState& state) override;
  Result<SecretBytes> Read(const SourceState& state, const SourceVersion& version) override;
  Result<SourceLock> Lock(const SourceState& state) override;
  Status Unlock(const SourceState& state) override;

 private:
  const HttpSourceOptions options_;
  const std::unique_ptr<Web> web_;
  const Clock& clock_;
};

// The two requests of a lock, as the http backend sends them.
Result<SourceLock> LockOverHttp(const Web& web, const std::string& method, const std::string& url,
                                const SourceState& state, const Clock& clock);
Status UnlockOverHttp(const Web& web, const std::string& method, const std::string& url,
                      const SourceState& state, const Clock& clock);

}  // namespace stateward

#endif  // STATEWARD_MOVING_HTTP_SOURCE_H_
