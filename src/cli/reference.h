// Documents that are made from the tables of commands, so that they say what the program does.
#ifndef STATEWARD_CLI_REFERENCE_H_
#define STATEWARD_CLI_REFERENCE_H_

#include <string>

namespace stateward {

// The entries of docs/commands.md: what stands there behind the line kReferenceBegins.
std::string MarkdownReference();
inline constexpr char kReferenceBegins[] = "<!-- `make reference` writes what follows. -->\n";

// statewardctl(1). `mandoc -Tlint` has nothing to say about it.
std::string ManPage();

// Functions that complete a command line: for bash-completion, and for a folder of zsh's $fpath.
std::string BashCompletion();
std::string ZshCompletion();

}  // namespace stateward

#endif  // STATEWARD_CLI_REFERENCE_H_
