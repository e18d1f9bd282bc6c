// One way to run statewardctl on a host of the server (docs/running.md, "statewardctl on a host").
//
// As root: the settings and credentials of the unit are read and the files of the command line are
// opened with root's rights; then this becomes the service's user, for good, and does all its work
// on the store as that one. As any other user: with that user's rights, and nothing is made in a
// store of somebody else.
#ifndef STATEWARD_CLI_HOST_SETUP_H_
#define STATEWARD_CLI_HOST_SETUP_H_

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/cli_context.h"
#include "cli/output_file.h"
#include "cli/service_unit.h"
#include "cli/service_user.h"
#include "stateward/result.h"

namespace stateward {

struct HostOptions {
  std::string env_file;  // --env-file
  std::string unit;      // --unit
  std::string user;      // --user
  std::string output;    // --output
  bool force = false;    // --force
};

class HostSetup {
 public:
  explicit HostSetup(HostOptions options) : options_(std::move(options)) {}
  ~HostSetup();
  HostSetup(const HostSetup&) = delete;
  HostSetup& operator=(const HostSetup&) = delete;

  // What a unit says, when there is one for this user.
  Status ReadUnit();
  // Puts the unit's environment in the place of this process' own; credentials become files of this
  // process.
  Status TakeEnvironment();
  // The files that a command will read, and --output. Of a folder the files of states in it.
  Status OpenFiles(const std::vector<std::string>& inputs);
  // Before a command works on the store; `other_settings`: files of settings that it will read.
  // REQUIRES: one thread.
  Status Enter(const std::vector<std::string>& other_settings);

  const std::string& env_file() const { return options_.env_file; }
  Result<FILE*> OpenInput(const std::string& path);
  // Where one of `other_settings` can be read.
  std::string SettingsFile(const std::string& path) const;
  Result<std::vector<std::string>> ListFolder(const std::string& path) const;
  FILE* output() { return output_ == nullptr ? nullptr : output_->stream(); }
  // After the command. One that did not come to its end leaves no file, and what was there.
  Status EndOutput(int exit_code);
  // "" or what could not be read, for the end of an error.
  const std::string& note() const { return note_; }

 private:
  Status TakeCredential(const std::string& name, const std::string& path, const ServiceUser& user);
  Result<ServiceUser> FindUser();
  Status KeepSettings(const std::string& path, const ServiceUser& user);
  Status BecomeService(const std::vector<std::string>& other_settings);
  Status MakeStateDirectory(const ServiceUser& user);

  HostOptions options_;
  bool root_ = false;
  bool has_unit_ = false;
  ServiceUnit unit_;
  std::map<std::string, std::string> settings_;  // path: of its copy
  std::map<std::string, FILE*> inputs_;
  std::map<std::string, std::vector<std::string>> folders_;
  std::unique_ptr<OutputFile> output_;
  std::string note_;
};

}  // namespace stateward

#endif  // STATEWARD_CLI_HOST_SETUP_H_
