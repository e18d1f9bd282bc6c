// What the file of counts is made in, and what stands in its place.
#include "metrics/region.h"

#include <CppUTest/TestHarness.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

namespace stateward {

TEST_GROUP(Region) {
  char folder[40] = "/tmp/stateward-region-XXXXXX";

  void setup() override { CHECK(mkdtemp(folder) != nullptr); }
  void teardown() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  std::string File() const { return std::string(folder) + "/metrics-v5"; }
  std::string Refusal() const {
    Result<std::unique_ptr<Region>> region = Region::Open(folder);
    return region.ok() ? "" : region.status().detail();
  }
  void Refused(const char* word) const {
    const std::string said = Refusal();
    CHECK_TEXT(said.find(word) != std::string::npos, said.c_str());
  }
};

TEST(Region, OpensInAFolderOfItsUser) {
  STRCMP_EQUAL("", Refusal().c_str());
  STRCMP_EQUAL("", Refusal().c_str());
}

TEST(Region, AFolderThatOthersMayWriteIsRefused) {
  for (mode_t mode : {0777, 0770, 01777}) {
    chmod(folder, mode);
    Refused("may be written by other users");
  }
}

TEST(Region, AFileThatOthersMayWriteIsRefused) {
  std::ofstream(File()) << "x";
  chmod(File().c_str(), 0622);
  Refused("may be written by other users");
}

TEST(Region, WhatIsNoFileIsRefusedAtOnce) {
  mkfifo(File().c_str(), 0600);
  Refused("no regular file");
  unlink(File().c_str());
  mkdir(File().c_str(), 0700);
  CHECK(!Refusal().empty());
}

// A page without room would kill whoever touches it.
TEST(Region, WithoutRoomForItThereIsNone) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit small{4096, 4096};
    setrlimit(RLIMIT_FSIZE, &small);
    _exit(Refusal().find("room for") != std::string::npos ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  LONGS_EQUAL(0, status);
}

}  // namespace stateward
