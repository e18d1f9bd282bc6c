// What shells need to complete a command line.
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/reference.h"

namespace stateward {
namespace {

// Words that may follow a command, in the shell's list form: "--json --quiet".
std::string OptionsOf(const CommandForm* form) {
  std::string out;
  const auto add = [&out](const ParamTable& table) {
    for (const Param& row : table) {
      const std::string option = "--" + std::string(row.name);
      if (IsArgument(row) || (out + " ").find(option + " ") != out.npos) continue;
      out += (out.empty() ? "" : " ") + option;
    }
  };
  if (form != nullptr) add(form->params);
  if (form != nullptr && form->asks()) out += " --yes";
  add(CommonParams());
  return out;
}

std::string WithSpaces(std::string_view choices) {
  std::string out(choices);
  for (char& c : out) c = c == '|' ? ' ' : c;
  return out;
}

// First words of commands, each once; and the second words behind one.
std::vector<std::string> FirstWords() {
  std::vector<std::string> words;
  for (const CommandForm& form : CommandForms()) {
    const std::string word(form.name.substr(0, form.name.find(' ')));
    if (form.hidden() || (!words.empty() && words.back() == word)) continue;
    words.push_back(word);
  }
  return words;
}

std::string SecondWords(const std::string& first) {
  std::string out;
  for (const CommandForm& form : CommandForms()) {
    if (form.name.substr(0, first.size() + 1) != first + " ") continue;
    out += (out.empty() ? "" : " ") + std::string(form.name.substr(first.size() + 1));
  }
  return out;
}

std::string Joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// The body of a shell function that leaves its answer in `offered`, or "FILES": what both shells
// share. It reads `line`, the words before the cursor but for the program's.
std::string Function(const char* name) {
  std::string out = std::string(name) +
                    "() {\n  local word first= second= before=\n"
                    "  for word in \"${line[@]}\"; do\n"
                    "    before=$word\n"
                    "    case $word in\n      -*) ;;\n"
                    "      *) if [ -z \"$first\" ]; then first=$word\n"
                    "         elif [ -z \"$second\" ]; then second=$word; fi ;;\n"
                    "    esac\n  done\n";
  out +=
      "  case $before in\n    --output|-o|--env-file|--secrets|--names|--names-from-log|"
      "--to-env-file|--policy|--claims)\n      offered=FILES; return ;;\n  esac\n";
  out += "  case \"$first $second $before\" in\n";
  for (const CommandForm& form : CommandForms()) {
    for (const Param& row : form.params) {
      if (row.choices.empty() || IsArgument(row)) continue;
      out += "    \"" + std::string(form.name) + "\"*\" --" + std::string(row.name) +
             "\") offered='" + WithSpaces(row.choices) + "'; return ;;\n";
    }
  }
  out += "  esac\n  case \"$first $second\" in\n    ' ') offered='" + Joined(FirstWords()) + " " +
         OptionsOf(nullptr) + "' ;;\n";
  for (const std::string& first : FirstWords()) {
    const std::string seconds = SecondWords(first);
    if (!seconds.empty()) out += "    '" + first + " ') offered='" + seconds + "' ;;\n";
  }
  for (const CommandForm& form : CommandForms()) {
    if (form.hidden()) continue;
    const bool two = form.name.find(' ') != form.name.npos;
    std::string words = OptionsOf(&form);
    for (const Param& row : form.params) {
      if (IsArgument(row) && !row.choices.empty()) words = WithSpaces(row.choices) + " " + words;
    }
    out +=
        "    '" + std::string(form.name) + (two ? "'" : " '*") + ") offered='" + words + "' ;;\n";
  }
  return out + "    *) offered='" + OptionsOf(nullptr) + "' ;;\n  esac\n}\n";
}

constexpr char kMade[] = "# Made from the tables of commands: statewardctl reference\n";

}  // namespace

std::string BashCompletion() {
  return kMade + Function("_statewardctl_words") +
         "_statewardctl() {\n"
         "  local offered= line=(\"${COMP_WORDS[@]:1:COMP_CWORD-1}\")\n"
         "  local current=${COMP_WORDS[COMP_CWORD]}\n"
         "  _statewardctl_words\n"
         "  if [ \"$offered\" = FILES ]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
         "  else\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"$offered\" -- \"$current\")\n"
         "  fi\n}\n"
         "complete -o default -F _statewardctl statewardctl\n";
}

std::string ZshCompletion() {
  std::string text = Function("_statewardctl_words");
  return "#compdef statewardctl\n" + std::string(kMade) + text +
         "_statewardctl() {\n"
         "  local found\n"
         "  found=$(local offered= line; line=(\"${words[@]:1:$((CURRENT - 2))}\");"
         " _statewardctl_words; print -r -- $offered)\n"
         "  if [[ $found = FILES ]]; then _files; else compadd -- ${=found}; fi\n}\n"
         "_statewardctl \"$@\"\n";
}

}  // namespace stateward
