#include <termios.h>
#include <unistd.h>

#include <optional>

#include "auth/logins.h"
#include "auth/password.h"
#include "auth/policy.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "cli/cmd.h"

namespace stateward {
namespace {

// Far longer than what is allowed, so that a too long one is refused and not cut.
constexpr size_t kMaxLine = 1024;

// One line of the standard input, without its end; nullopt: none.
std::optional<SecretString> ReadLine() {
  SecretBytes line;
  line.reserve(kMaxLine);
  char c = 0;
  ssize_t n = 0;
  while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n' && line.size() < kMaxLine) {
    line.push_back(static_cast<uint8_t>(c));
  }
  if (n < 0 || (n == 0 && line.empty())) return std::nullopt;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return SecretString(std::move(line));
}

std::optional<SecretString> Ask(const CliContext& cli, const char* prompt) {
  if (isatty(STDIN_FILENO) == 0) return ReadLine();
  termios before{};
  if (tcgetattr(STDIN_FILENO, &before) != 0) return std::nullopt;
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  Say(cli.err, prompt);
  if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) != 0) return std::nullopt;
  std::optional<SecretString> line = ReadLine();
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  Say(cli.err, "\n");
  return line;
}

// A table with this name must be good TOML, and the name one that the policy takes.
int PrintIfGood(const CliContext& cli, const std::string& lines, const std::string& shown_first) {
  ParsedPolicy parsed = ParsePolicy(lines);
  if (!parsed.errors.empty()) return Fail(cli, Status::InvalidArgument(parsed.errors.front()));
  Say(cli.err, shown_first);
  Say(cli.out, lines);
  return kExitOk;
}

}  // namespace

int CmdPasswd(const CliContext& cli, const Args& args) {
  std::optional<SecretString> password = Ask(cli, "Password: ");
  if (!password) return FailUsage(cli, "no password was given");
  if (isatty(STDIN_FILENO) != 0) {
    std::optional<SecretString> again = Ask(cli, "Again: ");
    if (!again || !EqualInConstantTime(password->Reveal(), again->Reveal())) {
      return FailUsage(cli, "the two are not the same");
    }
  }
  if (IsTokenText(password->Reveal())) {
    return Fail(cli,
                Status::InvalidArgument(
                    "a password that begins with swt_, or has the form of a JSON Web Token, is "
                    "taken for a token at each login: choose another one"));
  }
  Result<std::string> hash = HashPassword(*password);
  if (!hash.ok()) return Fail(cli, hash.status());
  return PrintIfGood(cli, "[users.\"" + args.Text("name") + "\"]\npassword = \"" + *hash + "\"\n",
                     "");
}

int CmdToken(const CliContext& cli, const Args& args) {
  std::string token = NewMachineToken();
  std::string digest = HexEncode(Sha256(token));
  std::string lines = "[tokens.\"" + args.Text("name") + "\"]\nsha256 = \"" + digest + "\"\n";
  return PrintIfGood(cli, lines, token + "\n");
}

}  // namespace stateward
