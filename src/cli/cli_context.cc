#include "cli/cli_context.h"

#include <unistd.h>

#include <cerrno>

#include "base/shown_text.h"

namespace stateward {

namespace {

Result<FILE*> Open(const std::string& path) {
  FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return FromErrno(path, errno);
  return file;
}

}  // namespace

Result<FILE*> CliContext::OpenInput(const std::string& path) const {
  Result<FILE*> file = open_input ? open_input(path) : Open(path);
  // A wrong command line: it says nothing of a store or a service.
  if (!file.ok()) return Status::InvalidArgument(file.status().detail());
  return file;
}

std::string CliContext::SettingsFile(const std::string& path) const {
  return settings_file ? settings_file(path) : path;
}

bool CliContext::ShowsProgress() const { return !quiet && isatty(fileno(err)) == 1; }

ExitCode ExitOf(Code code) {
  switch (code) {
    case Code::kOk:
      return kExitOk;
    case Code::kInvalidArgument:
    case Code::kMethodNotAllowed:
      return kExitUsage;
    case Code::kUnavailable:
    case Code::kOverloaded:
    case Code::kTooManyRequests:
      return kExitNotReached;
    case Code::kUnauthenticated:
    case Code::kPermissionDenied:
    case Code::kConflict:
    case Code::kLocked:
    case Code::kGone:
    case Code::kTooLarge:
      return kExitRefused;
    case Code::kNotFound:
    case Code::kCorruption:
    case Code::kUnknownKey:
    case Code::kInternal:
      return kExitFailed;
  }
  return kExitFailed;
}

int Fail(const CliContext& cli, const Status& why) {
  const std::string where = cli.command.empty() ? "" : cli.command + ": ";
  Say(cli.err, "statewardctl: " + where + ShownText(why.detail()) + "\n");
  return ExitOf(why.code());
}

int FailUsage(const CliContext& cli, const std::string& why) {
  Fail(cli, Status::InvalidArgument(why));
  Say(cli.err, "statewardctl " + cli.command + " --help says more\n");
  return kExitUsage;
}

}  // namespace stateward
