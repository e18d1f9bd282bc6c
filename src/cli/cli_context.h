// What a command of statewardctl gets from main: streams and settings, so that tests can give
// others; and what its exit codes mean (docs/commands.md).
#ifndef STATEWARD_CLI_CLI_CONTEXT_H_
#define STATEWARD_CLI_CLI_CONTEXT_H_

#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,  // something is wrong: damaged, not there, a check that fails
  kExitUsage = 2,  // the command line or the settings are wrong, or a file they name cannot be read
  kExitNotReached = 3,  // the store, a service or the server cannot be used just now
  kExitRefused = 4,     // not allowed, locked, or the state is not as the caller believes
};

struct CliContext {
  FILE* out = stdout;  // what was asked for
  FILE* err = stderr;  // what is said about it
  // A setting's value, secrets from their files; nullopt: not set. An error when a file that a
  // setting names cannot be read.
  std::function<Result<std::optional<SecretString>>(const std::string& name)> setting;
  std::string env_file = {};  // of --env-file; "" = none
  // Opens a file of the command line, perhaps one that was opened with more rights; empty: fopen.
  // The caller closes it.
  std::function<Result<FILE*>(const std::string& path)> open_input = {};
  // The files of states in a folder of the command line (moving/folder_source.h), which open_input
  // opens; empty: they are looked for.
  std::function<Result<std::vector<std::string>>(const std::string& path)> list_folder = {};
  // Where a file of another store's settings can be read, which may be a copy that was made with
  // more rights; empty: where it is.
  std::function<std::string(const std::string& path)> settings_file = {};
  std::string command = {};  // its name, for messages
  std::string user = {};     // who started it
  bool json = false;         // --json
  bool quiet = false;        // --quiet: no progress, no notes
  bool yes = false;          // --yes

  Result<FILE*> OpenInput(const std::string& path) const;
  std::string SettingsFile(const std::string& path) const;
  // Whether people look at `err`, and want to see how far it is.
  bool ShowsProgress() const;
};

// Tells people something. There is nobody left to tell when that fails.
inline void Say(FILE* to, const std::string& text) { (void)std::fputs(text.c_str(), to); }

// The exit code of a command that ended with this.
ExitCode ExitOf(Code code);
// Says why on cli.err, under the command's name; returns the exit code.
int Fail(const CliContext& cli, const Status& why);
// The parameters do not go together.
int FailUsage(const CliContext& cli, const std::string& why);

}  // namespace stateward

#endif  // STATEWARD_CLI_CLI_CONTEXT_H_
