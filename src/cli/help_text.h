// The help of statewardctl, made from the tables.
#ifndef STATEWARD_CLI_HELP_TEXT_H_
#define STATEWARD_CLI_HELP_TEXT_H_

#include <string>
#include <string_view>

#include "admin/params.h"
#include "cli/command.h"

namespace stateward {

// Every command in a line, and the options that all of them take.
std::string HelpOfAll();
// One command: its synopsis, what it does, its parameters, examples.
std::string HelpOf(const CommandForm& form);
// "statewardctl get PROJECT/NAME [OPTION]..."
std::string SynopsisOf(const CommandForm& form);
// "--version N", "-o, --output FILE", "PROJECT/NAME"
std::string LabelOf(const Param& row);

// What the parameter means, with its choices and its default.
std::string TextOf(const Param& row);
// A line of help as a sentence.
std::string SentenceOf(std::string_view help);

// `text` in lines of at most `width` bytes, each behind `indent` spaces.
std::string Wrapped(std::string_view text, size_t indent, size_t width);

}  // namespace stateward

#endif  // STATEWARD_CLI_HELP_TEXT_H_
