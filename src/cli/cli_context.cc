#include "cli/cli_context.h"

#include <unistd.h>

#include <cerrno>

#include "base/shown_text.h"

namespace stateward {

Result<FILE*> CliContext::OpenInput(const std::string& path) const {
  if (open_input) return open_input(path);
  FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return FromErrno(path, errno);
  return file;
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
