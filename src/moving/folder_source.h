// States in files of Terraform's local backend: NAME.tfstate, and the workspaces of
// terraform.tfstate.d/NAME/terraform.tfstate. `terraform.tfstate` is the workspace "default". What
// lies in FILE.backup is the version before.
//
// Locked as the client locks them, but for reading: while this run lasts no client can write.
#ifndef STATEWARD_MOVING_FOLDER_SOURCE_H_
#define STATEWARD_MOVING_FOLDER_SOURCE_H_

#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "moving/source.h"

namespace stateward {

// The paths below `folder` that a FolderSource reads: two levels deep at most, in order.
// kInvalidArgument: there is none.
Result<std::vector<std::string>> StateFilesBelow(const std::string& folder);

class FolderSource : public Source {
 public:
  using OpenFn = std::function<Result<FILE*>(const std::string& path)>;
  // `paths`: of StateFilesBelow(folder). Opens all of them, and keeps them open.
  static Result<std::unique_ptr<Source>> Open(const std::string& folder,
                                              const std::vector<std::string>& paths,
                                              const OpenFn& open);

  Result<std::vector<SourceState>> List() override;
  Result<std::vector<SourceVersion>> Versions(const SourceState& state) override;
  Result<SecretBytes> Read(const SourceState& state, const SourceVersion& version) override;
  Result<SourceLock> Lock(const SourceState& state) override;
  Status Unlock(const SourceState& state) override;

 private:
  Result<bool> IsVersionBefore(const std::string& backup, const std::string& path);

  struct CloseFile {
    void operator()(FILE* file) const { (void)fclose(file); }
  };
  std::map<std::string, std::unique_ptr<FILE, CloseFile>> files_;  // by path
  std::vector<SourceState> states_;
};

}  // namespace stateward

#endif  // STATEWARD_MOVING_FOLDER_SOURCE_H_
