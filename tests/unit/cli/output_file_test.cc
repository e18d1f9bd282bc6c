// The file of --output is there only when a command has something to keep.
#include "cli/output_file.h"

#include <CppUTest/TestHarness.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace stateward {

TEST_GROUP(OutputFile) {
  char dir[40] = "/tmp/stateward-output-XXXXXX";
  std::string path;

  void setup() override {
    CHECK(mkdtemp(dir) != nullptr);
    path = std::string(dir) + "/out";
  }
  void teardown() override { std::filesystem::remove_all(dir); }
  std::unique_ptr<OutputFile> Begin(bool force) {
    Result<std::unique_ptr<OutputFile>> file = OutputFile::Begin(path, force);
    CHECK(file.ok());
    CHECK((*file)->stream() != nullptr);
    (void)fputs("new", (*file)->stream());
    return std::move(*file);
  }
  // The names in the folder.
  long Names() {
    return std::distance(std::filesystem::directory_iterator(dir),
                         std::filesystem::directory_iterator());
  }
  void Has(const char* text) {
    std::stringstream all;
    all << std::ifstream(path).rdbuf();
    STRCMP_EQUAL(text, all.str().c_str());
    LONGS_EQUAL(1, Names());
  }
};

TEST(OutputFile, WhatIsKeptIsThereAndNothingElse) {
  for (bool helped : {false, true}) {
    std::unique_ptr<OutputFile> file = Begin(helped);
    if (helped) CHECK(file->HandOver().ok());
    CHECK(file->Keep().ok());
    file.reset();
    Has("new");
    struct stat made {};
    CHECK(stat(path.c_str(), &made) == 0);
    LONGS_EQUAL(0600, made.st_mode & 0777);
  }
}

TEST(OutputFile, WhatIsNotKeptLeavesWhatWasThere) {
  for (bool helped : {false, true}) {
    std::unique_ptr<OutputFile> file = Begin(false);
    if (helped) CHECK(file->HandOver().ok());
    file.reset();
    LONGS_EQUAL(0, Names());
  }
  std::ofstream(path) << "old";
  for (bool helped : {false, true}) {
    std::unique_ptr<OutputFile> file = Begin(true);
    if (helped) CHECK(file->HandOver().ok());
    file.reset();
    Has("old");
  }
}

TEST(OutputFile, NothingIsWrittenOverUnasked) {
  std::unique_ptr<OutputFile> file = Begin(false);
  std::ofstream(path) << "somebody was faster";
  CHECK(file->Keep().code() == Code::kConflict);
  file.reset();
  Has("somebody was faster");
  CHECK(OutputFile::Begin(path, false).status().code() == Code::kConflict);
  CHECK(Begin(true)->Keep().ok());
  Has("new");
}

TEST(OutputFile, WhatIsNoFileIsNotReplaced) {
  CHECK(mkfifo(path.c_str(), 0600) == 0);
  CHECK(OutputFile::Begin(path, true).status().code() == Code::kInvalidArgument);
  CHECK(OutputFile::Begin("/dev/null", true).status().code() == Code::kInvalidArgument);
  path += "/none";
  CHECK_FALSE(OutputFile::Begin(path, false).ok());
}

}  // namespace stateward
