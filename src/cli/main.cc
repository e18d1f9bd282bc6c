// statewardctl: the administrator's tool.
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/cli_context.h"
#include "cli/cmd_adopt.h"
#include "cli/cmd_convert_transit.h"
#include "cli/cmd_decrypt.h"
#include "cli/cmd_drop_name.h"
#include "cli/cmd_init.h"
#include "cli/cmd_keygen.h"
#include "cli/cmd_keys.h"
#include "cli/cmd_passwd.h"
#include "cli/cmd_policy.h"
#include "cli/cmd_quarantine.h"
#include "cli/cmd_rekey.h"
#include "config/config.h"

namespace stateward {
namespace {

struct Command {
  std::string_view name;
  int (*run)(const CliContext&, const std::vector<std::string>&);
  std::string_view help;
};

constexpr Command kCommands[] = {
    {"keygen", CmdKeygen, kKeygenHelp},
    {"keys", CmdKeys, kKeysHelp},
    {"rekey", CmdRekey, kRekeyHelp},
    {"convert-transit", CmdConvertTransit, kConvertTransitHelp},
    {"init", CmdInit, kInitHelp},
    {"decrypt", CmdDecrypt, kDecryptHelp},
    {"quarantine", CmdQuarantine, kQuarantineHelp},
    {"adopt", CmdAdopt, kAdoptHelp},
    {"drop-name", CmdDropName, kDropNameHelp},
    {"policy", CmdPolicy, kPolicyHelp},
    {"passwd", CmdPasswd, kPasswdHelp},
    {"token", CmdToken, kTokenHelp},
};

int Usage(FILE* to) {
  fputs("usage: statewardctl [--env-file FILE] COMMAND …\n", to);
  for (const Command& command : kCommands) {
    fprintf(to, "\n%.*s", static_cast<int>(command.help.size()), command.help.data());
  }
  return to == stdout ? 0 : 2;
}

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

// A command has the options that its help names.
bool HelpNames(std::string_view help, std::string_view option) {
  for (size_t at = help.find(option); at != help.npos; at = help.find(option, at + 1)) {
    size_t end = at + option.size();
    bool begins = at == 0 || !IsWordByte(help[at - 1]);
    if (begins && (end == help.size() || !IsWordByte(help[end]))) return true;
  }
  return false;
}

// Help, and what the command does not know, come before anything is done.
std::optional<int> Refuse(const Command& command, const std::vector<std::string>& args) {
  std::string_view help = command.help;
  auto print = [&](FILE* to) { fprintf(to, "%.*s", static_cast<int>(help.size()), help.data()); };
  for (const std::string& arg : args) {
    if (arg != "--help" && arg != "-h") continue;
    print(stdout);
    return kExitOk;
  }
  for (const std::string& arg : args) {
    if (arg.size() < 2 || arg[0] != '-' || HelpNames(help, arg)) continue;
    fprintf(stderr, "statewardctl: no such option: %s\nusage:\n", arg.c_str());
    print(stderr);
    return kExitUsage;
  }
  return std::nullopt;
}

int Main(int argc, char** argv) {
  CliContext context;
  int at = 1;
  if (at + 1 < argc && std::string_view(argv[at]) == "--env-file") {
    context.env_file = argv[at + 1];
    at += 2;
  }
  if (at >= argc) return Usage(stderr);
  const std::string_view asked = argv[at];
  if (asked == "help" || asked == "--help" || asked == "-h") return Usage(stdout);
  EnvMap environment = ReadEnvironment();
  if (!context.env_file.empty()) {
    std::vector<std::string> problems;
    Result<EnvMap> file = ReadEnvFile(context.env_file, &problems);
    if (file.ok() && !problems.empty()) {
      file = Status::InvalidArgument(context.env_file + ": " + problems.front());
    }
    if (!file.ok()) {
      fprintf(stderr, "statewardctl: %s\n", file.status().detail().c_str());
      return 1;
    }
    for (auto& [name, value] : *file) environment[name] = value;
  }
  context.setting = [&environment](const std::string& name) { return LookUp(environment, name); };
  for (const Command& command : kCommands) {
    if (command.name != asked) continue;
    std::vector<std::string> args(argv + at + 1, argv + argc);
    if (std::optional<int> refused = Refuse(command, args)) return *refused;
    return command.run(context, args);
  }
  return Usage(stderr);
}

}  // namespace
}  // namespace stateward

int main(int argc, char** argv) { return stateward::Main(argc, argv); }
