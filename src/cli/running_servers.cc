#include "cli/running_servers.h"

#include "cli/cmd.h"

namespace stateward {
namespace {

std::string Listed(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

}  // namespace

Status CheckServersKnow(const CliContext& cli, const Args& args, const std::string& what,
                        const std::vector<std::string>& lack,
                        const std::vector<std::string>& silent, const std::string& what_to_do) {
  if (!silent.empty()) {
    Say(cli.err, "not heard of for more than 5 minutes, so not counted: " + Listed(silent) + "\n");
  }
  if (lack.empty()) return Status();
  const std::string who = "running servers do not know " + what + ": " + Listed(lack);
  if (!args.Flag("yes") && !args.Flag("dry-run")) {
    return Status(Code::kConflict,
                  who + "; nothing was changed. " + what_to_do + "; --yes goes on all the same");
  }
  Say(cli.err, who + "\n");
  return Status();
}

}  // namespace stateward
