// statewardctl's command line, read by getopt_long with what the tables name.
#ifndef STATEWARD_CLI_COMMAND_LINE_H_
#define STATEWARD_CLI_COMMAND_LINE_H_

#include <optional>
#include <string>
#include <vector>

#include "admin/params.h"
#include "cli/command.h"

namespace stateward {

struct CommandLine {
  // What is asked for in the place of a command.
  enum class Asks : uint8_t { kCommand, kHelp, kVersion };

  Asks asks = Asks::kCommand;
  std::optional<CommandForm> form;  // kHelp: nullopt: of all commands
  Args common;                      // of CommonParams(), and --yes
  Args args;                        // of the command
  std::string wrong;                // "" or why the command line is refused, for people
};

// argv as main got it. Common options stand before or behind the command, or between its arguments.
// Not thread-safe: getopt_long keeps state in the process.
CommandLine ParseCommandLine(const std::vector<std::string>& argv);

// The name of the list that is nearest to what was typed, when it is near enough to be meant; "".
std::string_view NearestName(std::string_view typed, const std::vector<std::string_view>& names);

}  // namespace stateward

#endif  // STATEWARD_CLI_COMMAND_LINE_H_
