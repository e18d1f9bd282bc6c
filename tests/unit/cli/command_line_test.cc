#include "cli/command_line.h"

#include <CppUTest/TestHarness.h>

#include <set>
#include <string>
#include <vector>

#include "cli/help_text.h"

namespace stateward {

TEST_GROUP(CommandLine){
    CommandLine Parse(std::vector<std::string> words){words.insert(words.begin(), "statewardctl");
return ParseCommandLine(words);
}  // namespace stateward
void Refuses(const std::vector<std::string>& words, const char* why) {
  const CommandLine line = Parse(words);
  STRCMP_CONTAINS(why, line.wrong.c_str());
}
CommandLine Takes(const std::vector<std::string>& words) {
  CommandLine line = Parse(words);
  STRCMP_EQUAL("", line.wrong.c_str());
  return line;
}
}
;

TEST(CommandLine, CommonOptionsStandAnywhere) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--env-file", "f", "show", "net/prod", "--json"},
        {"--env-file=f", "--json", "show", "net/prod"},
        {"show", "--env-file=f", "--json", "net/prod"},
        {"show", "net/prod", "--json", "--env-file", "f"}}) {
    const CommandLine line = Takes(words);
    STRCMP_EQUAL("f", line.common.Text("env-file").c_str());
    CHECK(line.common.Flag("json"));
    CHECK(line.form->name == "show");
    STRCMP_EQUAL("net/prod", line.args.Text("state").c_str());
  }
}

TEST(CommandLine, ACommandsOwnOptionHidesACommonOne) {
  const CommandLine line = Takes({"get", "net/prod", "--version", "7", "-o", "f"});
  LONGS_EQUAL(7, line.args.Number("version"));
  STRCMP_EQUAL("f", line.common.Text("output").c_str());
  CHECK(Takes({"--version"}).asks == CommandLine::Asks::kVersion);
  Refuses({"rollback", "net/prod", "--version", "3"}, "there is no --version here");
}

TEST(CommandLine, AnEmptyNameOfAFileIsNoMissingOne) {
  Refuses({"get", "net/prod", "-o", ""}, "output must not be empty");
  Refuses({"get", "net/prod", "--output="}, "output must not be empty");
  Refuses({"list", "--server="}, "server must not be empty");
  Refuses({"list", "--env-file", ""}, "env-file must not be empty");
}

TEST(CommandLine, CommandsOfTwoWords) {
  CHECK(Takes({"policy", "check", "f"}).form->name == "policy check");
  Refuses({"policy"}, "policy needs a word more: check, test");
  Refuses({"policy", "chekc"}, "do you mean policy check?");
}

TEST(CommandLine, HelpOfAFirstWordIsTheHelpOfAll) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"audit", "--help"}, {"uploads", "-h"}, {"help", "policy"}}) {
    const CommandLine line = Takes(words);
    CHECK(line.asks == CommandLine::Asks::kHelp && !line.form);
  }
  Refuses({"nothing", "--help"}, "there is no command nothing");
}

TEST(CommandLine, WhatIsWrongIsSaidWithTheNearestName) {
  Refuses({}, "no command is given");
  Refuses({"verions", "net/prod"}, "there is no command verions; do you mean versions?");
  Refuses({"xyzzy"}, "there is no command xyzzy");
  Refuses({"get", "net/prod", "--verzion", "1"}, "no option --verzion; do you mean --version?");
  Refuses({"get", "net/prod", "-z"}, "no option -z");
  Refuses({"get", "net/prod", "--version"}, "--version needs a value");
  Refuses({"get", "net/prod", "--version", "x"}, "--version must be a number");
  Refuses({"get", "net/prod", "--json=1"}, "takes no value");
  Refuses({"get"}, "PROJECT/NAME is missing");
  Refuses({"rollback", "net/prod"}, "--to is missing");
  Refuses({"diff", "net/prod", "x"}, "A must be a number");
  Refuses({"get", "net"}, "must be PROJECT/NAME");
  Refuses({"get", "net/a", "net/b"}, "one argument too many: net/b");
  Refuses({"get", "net/a", "--version", "1", "--version", "2"}, "--version is given twice");
}

TEST(CommandLine, HelpWinsOverWhateverElseIsTyped) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"get", "--help"},
                                                {"get", "x", "y", "-h"},
                                                {"get", "--no-such", "--help"},
                                                {"help", "get"}}) {
    const CommandLine line = Takes(words);
    CHECK(line.asks == CommandLine::Asks::kHelp);
    CHECK(line.form->name == "get");
  }
  CHECK_FALSE(Takes({"--help"}).form.has_value());
  CHECK_FALSE(Takes({"help"}).form.has_value());
}

TEST(CommandLine, NamesThatAreTooFarAreNotNamed) {
  STRCMP_EQUAL("", std::string(NearestName("abc", {"xyz", "show"})).c_str());
  STRCMP_EQUAL("show", std::string(NearestName("shw", {"get", "show"})).c_str());
  STRCMP_EQUAL("versions", std::string(NearestName("vers", {"show", "versions"})).c_str());
}

// What getopt_long, the help and the man page rely on.
TEST(CommandLine, TheTablesOfAllCommandsAreWhole) {
  std::set<std::string_view> commands;
  for (const CommandForm& form : CommandForms()) {
    CHECK(commands.insert(form.name).second);
    CHECK_FALSE(form.help.empty());
    CHECK_FALSE(form.examples.empty());
    CHECK(form.examples.back() == '\n');
    CHECK(form.help.back() != '.');
    std::set<std::string_view> names;
    for (const Param& row : form.params) {
      CHECK(names.insert(row.name).second);
      CHECK_EQUAL(row.kind == ParamKind::kFlag, row.value.empty());
      CHECK_FALSE(row.help.empty());
    }
    STRCMP_CONTAINS(SynopsisOf(form).c_str(), HelpOf(form).c_str());
  }
}

}  // namespace stateward
