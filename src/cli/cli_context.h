// What a command of statewardctl gets from main: streams and settings, so that tests can give
// others. A command is a function
//   int CmdName(const CliContext& cli, const std::vector<std::string>& args);
// with the arguments behind its name; what it returns is the process's exit code.
#ifndef STATEWARD_CLI_CLI_CONTEXT_H_
#define STATEWARD_CLI_CLI_CONTEXT_H_

#include <cerrno>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>

#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

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

  Result<FILE*> OpenInput(const std::string& path) const {
    if (open_input) return open_input(path);
    FILE* file = std::fopen(path.c_str(), "re");
    if (file == nullptr) return FromErrno(path, errno);
    return file;
  }
};

// Tells people something. There is nobody left to tell when that fails.
inline void Say(FILE* to, const std::string& text) { (void)std::fputs(text.c_str(), to); }

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,
  kExitUsage = 2,
};

}  // namespace stateward

#endif  // STATEWARD_CLI_CLI_CONTEXT_H_
