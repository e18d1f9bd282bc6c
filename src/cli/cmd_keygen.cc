#include <unistd.h>

#include "cli/cmd.h"
#include "kms/key_text.h"

namespace stateward {

int CmdKeygen(const CliContext& cli, const Args&) {
  const SecretString key = NewKeyText();
  const std::string_view text = key.Reveal();
  const bool written = std::fwrite(text.data(), 1, text.size(), cli.out) == text.size() &&
                       std::fputc('\n', cli.out) != EOF && std::fflush(cli.out) == 0;
  if (!written) return Fail(cli, Status::Unavailable("cannot write the key"));
  if (isatty(fileno(cli.out)) == 1) {
    Say(cli.err,
        "Keep it where only the server reads it, and a copy elsewhere: without it no state can be "
        "read.\n  (umask 077; statewardctl keygen > /etc/stateward/kms.key)\nand name the file in "
        "KMS_KEY_FILE.\n");
  }
  return kExitOk;
}

}  // namespace stateward
