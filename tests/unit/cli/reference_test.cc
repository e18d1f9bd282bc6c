#include "cli/reference.h"

#include <CppUTest/TestHarness.h>

#include <fstream>
#include <iterator>
#include <string>

namespace stateward {

TEST_GROUP(Reference){};

TEST(Reference, TheDocumentSaysWhatTheTablesSay) {
  std::ifstream file("docs/commands.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const size_t begins = text.find(kReferenceBegins);
  CHECK(begins != text.npos);
  // `make reference` writes it.
  STRCMP_EQUAL(MarkdownReference().c_str(),
               text.substr(begins + sizeof kReferenceBegins - 1).c_str());
}

}  // namespace stateward
