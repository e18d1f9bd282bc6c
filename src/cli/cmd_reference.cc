#include "cli/cmd.h"
#include "cli/reference.h"

namespace stateward {

int CmdReference(const CliContext& cli, const Args& args) {
  const std::string& form = args.Text("form");
  Say(cli.out, form == "man"    ? ManPage()
               : form == "bash" ? BashCompletion()
               : form == "zsh"  ? ZshCompletion()
                                : MarkdownReference());
  return kExitOk;
}

}  // namespace stateward
