// Documents that are made from the tables of commands, so that they say what the program does.
#ifndef STATEWARD_CLI_REFERENCE_H_
#define STATEWARD_CLI_REFERENCE_H_

#include <string>

namespace stateward {

// The entries of docs/commands.md: what stands there behind the line kReferenceBegins.
std::string MarkdownReference();
inline constexpr char kReferenceBegins[] = "<!-- `make reference` writes what follows. -->\n";

}  // namespace stateward

#endif  // STATEWARD_CLI_REFERENCE_H_
