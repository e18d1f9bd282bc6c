// States behind addresses of the http backend, one for each workspace; no old versions. Locked by
// the backend's own requests, where an address for that is given.
#ifndef STATEWARD_MOVING_HTTP_SOURCE_H_
#define STATEWARD_MOVING_HTTP_SOURCE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "moving/source.h"
#include "moving/web.h"
#include "stateward/clock.h"

namespace stateward {

// The two requests of a lock, as the http backend sends them.
class HttpLock {
 public:
  struct Way {
    std::string lock_method;
    std::string lock_address;
    std::string unlock_method;
    std::string unlock_address;  // {id}: the lock's ID, which is in the body as well
  };
  // `web`, `clock` must outlive it.
  HttpLock(const Web& web, Way way, std::string place, const Clock& clock)
      : web_(web), way_(std::move(way)), place_(std::move(place)), clock_(clock) {}

  // Frees first what a killed run left.
  Result<SourceLock> Take() const;
  Status Free() const;

 private:
  // Whose lock it is that is in the way; nullopt: none, it is taken now.
  struct Holder {
    std::string id;
    std::string who;
  };
  Result<std::optional<Holder>> Ask() const;
  Status FreeId(const std::string& id) const;

  const Web& web_;
  const Way way_;
  const std::string place_;
  const Clock& clock_;
};

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
  HttpLock LockOf(const SourceState& state) const;

  const HttpSourceOptions options_;
  const std::unique_ptr<Web> web_;
  const Clock& clock_;
};

}  // namespace stateward

#endif  // STATEWARD_MOVING_HTTP_SOURCE_H_
