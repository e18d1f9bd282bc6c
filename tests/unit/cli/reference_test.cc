#include "cli/reference.h"

#include <CppUTest/TestHarness.h>

#include <fstream>
#include <iterator>
#include <string>

#include "cli/command.h"

namespace stateward {

namespace {

// The document's entry of a command, from its headline to the next; "" = it has none.
std::string EntryIn(const std::string& document, const CommandForm& form) {
  const std::string head = "\n### " + std::string(form.name) + "\n";
  const size_t at = document.find(head);
  if (at == document.npos) return "";
  return document.substr(at, document.find("\n### ", at + head.size()) - at);
}

void Names(const std::string& entry, const std::string& what) {
  if (entry.find(what) == entry.npos) FAIL((what + " is missing in:" + entry).c_str());
}

}  // namespace

TEST_GROUP(Reference){};

// `make reference` writes it.
TEST(Reference, TheDocumentKnowsEveryCommandWithAllItTakesAndGives) {
  std::ifstream file("docs/commands.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  CHECK(text.find(kReferenceBegins) != text.npos);
  for (const CommandForm& form : CommandForms()) {
    if (form.hidden()) continue;
    const std::string entry = EntryIn(text, form);
    if (entry.empty()) FAIL((std::string(form.name) + " has no entry").c_str());
    for (const Param& row : form.params) {
      Names(entry, IsArgument(row) ? std::string(row.value) : "--" + std::string(row.name));
    }
    if (form.operation == nullptr) continue;
    Names(entry, std::string(form.operation->path));
    for (const Column& column : form.operation->columns) {
      Names(entry, "`" + std::string(column.name) + "`");
    }
  }
}

// What is written is what this test would take.
TEST(Reference, WhatIsMadeHasEveryCommand) {
  const std::string text = MarkdownReference();
  for (const CommandForm& form : CommandForms()) {
    CHECK_EQUAL(form.hidden(), EntryIn(text, form).empty());
  }
}

}  // namespace stateward
