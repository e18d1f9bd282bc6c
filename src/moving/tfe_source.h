// The workspaces of an organization of HCP Terraform or Terraform Enterprise, with all state
// versions; locked by the workspace's lock.
#ifndef STATEWARD_MOVING_TFE_SOURCE_H_
#define STATEWARD_MOVING_TFE_SOURCE_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "moving/source.h"
#include "moving/web.h"

namespace stateward {

class TfeSource : public Source {
 public:
  TfeSource(std::string organization, std::unique_ptr<Web> web)
      : organization_(std::move(organization)), web_(std::move(web)) {}

  // Workspaces that were never applied are left out.
  Result<std::vector<SourceState>> List() override;
  Result<std::vector<SourceVersion>> Versions(const SourceState& state) override;
  Result<SecretBytes> Read(const SourceState& state, const SourceVersion& version) override;
  Result<SourceLock> Lock(const SourceState& state) override;
  Status Unlock(const SourceState& state) override;

 private:
  // All pages of a list.
  Result<std::vector<JsonObject>> GetAll(const std::string& path) const;
  Result<std::string> IdOf(const SourceState& state);

  const std::string organization_;
  const std::unique_ptr<Web> web_;
  std::mutex mutex_;
  std::map<std::string, std::string> ids_;  // of workspaces, by name
};

}  // namespace stateward

#endif  // STATEWARD_MOVING_TFE_SOURCE_H_
