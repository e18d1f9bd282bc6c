#include "cli/cmd.h"
#include "cli/reference.h"

namespace stateward {

int CmdReference(const CliContext& cli, const Args&) {
  Say(cli.out, MarkdownReference());
  return kExitOk;
}

}  // namespace stateward
