// What `statewardctl adopt --all` is given: secrets, names, and logs that names stand in.
#ifndef STATEWARD_CLI_ADOPT_SOURCES_H_
#define STATEWARD_CLI_ADOPT_SOURCES_H_

#include <cstdio>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

using StateName = std::pair<std::string, std::string>;  // project, name

// A secret a line, byte for byte; empty lines count for nothing.
std::vector<SecretString> ParseSecrets(std::string_view text);

// `project/name` a line; empty lines and those that begin with # count for nothing.
// kInvalidArgument: with the line's number.
Status ParseNames(std::string_view text, std::set<StateName>* names);

// "project/name"; nothing when it is no name of a state.
bool ParseStateName(std::string_view text, StateName* name);

// Every .../state/PROJECT/NAME... that stands in a line of an access log, whatever the log's
// format. What is no state's name is passed over: a name counts only when a blob or a state fits
// it.
void NamesOfLogLine(std::string_view line, std::set<StateName>* names);
// The same for all lines up to the end of the file. kUnavailable: it cannot be read.
Status NamesOfLog(FILE* log, std::set<StateName>* names);

}  // namespace stateward

#endif  // STATEWARD_CLI_ADOPT_SOURCES_H_
