// The states of a GitLab project: listed by its GraphQL API, read, with old versions, and locked by
// its Terraform state API. GitLab lists no old versions: each serial below the newest is asked for.
#ifndef STATEWARD_MOVING_GITLAB_SOURCE_H_
#define STATEWARD_MOVING_GITLAB_SOURCE_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "moving/http_source.h"
#include "moving/source.h"
#include "moving/web.h"
#include "stateward/clock.h"

namespace stateward {

class GitlabSource : public Source {
 public:
  // `project`: its full path, "group/project".
  GitlabSource(std::string project, std::unique_ptr<Web> web, const Clock& clock)
      : project_(std::move(project)), web_(std::move(web)), clock_(clock) {}

  Result<std::vector<SourceState>> List() override;
  Result<std::vector<SourceVersion>> Versions(const SourceState& state) override;
  Result<SecretBytes> Read(const SourceState& state, const SourceVersion& version) override;
  Result<SourceLock> Lock(const SourceState& state) override;
  Status Unlock(const SourceState& state) override;

 private:
  struct Newest {
    uint64_t serial = 0;
    int64_t time_ms = 0;
  };
  Result<std::string> ListPage(const std::string& after, std::vector<SourceState>* states);
  std::string PathOfState(const SourceState& state) const;
  HttpLock LockOf(const SourceState& state) const;

  const std::string project_;
  const std::unique_ptr<Web> web_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Newest> newest_;  // by workspace
};

}  // namespace stateward

#endif  // STATEWARD_MOVING_GITLAB_SOURCE_H_
