// The lock that an import takes at an S3 source: its own, and what a killed run left.
#include "moving/s3_source.h"

#include <CppUTest/TestHarness.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <string>

#include "doubles/fake_clock.h"
#include "doubles/mem_s3.h"
#include "moving/lock_text.h"

namespace stateward {

TEST_GROUP(S3Source) {
  std::shared_ptr<MemS3> s3 = std::make_shared<MemS3>();
  FakeClock clock;
  std::unique_ptr<S3Source> source;
  SourceState state{"default", "s3://old/net.tfstate"};

  void setup() override {
    s3->bucket = true;
    S3SourceOptions options;
    options.settings.bucket = "old";
    options.key = "net.tfstate";
    source = std::make_unique<S3Source>(options, NewMemS3Client(s3, clock), clock);
  }
  std::string& Held() { return s3->objects["net.tfstate.tflock"].bytes; }
  bool Free() { return s3->objects.count("net.tfstate.tflock") == 0; }
};

TEST(S3Source, ItsOwnLockIsTakenAndFreed) {
  CHECK(*source->Lock(state) == SourceLock::kHeld);
  STRCMP_CONTAINS(ImportLockId(state.place).c_str(), Held().c_str());
  CHECK(source->Unlock(state).ok());
  CHECK(Free());
  CHECK(source->Unlock(state).ok());  // somebody forced it
}

// It was forced while the import read, and a client has it now.
TEST(S3Source, AClientsLockStays) {
  CHECK(*source->Lock(state) == SourceLock::kHeld);
  const std::string theirs = R"({"ID":"of-ann","Who":"ann@laptop"})";
  Held() = theirs;
  s3->objects["net.tfstate.tflock"].etag = "\"other\"";
  s3->objects["net.tfstate.tflock"].sha256.clear();
  const Status status = source->Unlock(state);
  CHECK(status.code() == Code::kConflict);
  STRCMP_CONTAINS("is held by ann@laptop", status.detail().c_str());
  STRCMP_EQUAL(theirs.c_str(), Held().c_str());
  CHECK(source->Lock(state).status().code() == Code::kLocked);
}

TEST(S3Source, WhatAKilledRunLeftIsTakenOver) {
  const pid_t pid = fork();
  if (pid == 0) {
    for (;;) pause();
  }
  const std::string own = MarkOf(SelfProcess());
  const std::string its = MarkOf(ProcessOf(static_cast<uint32_t>(pid)));
  CHECK(*source->Lock(state) == SourceLock::kHeld);
  const auto plain = [](std::string id) {
    for (size_t dash = id.find('-'); dash != id.npos; dash = id.find('-')) id.erase(dash, 1);
    return id;
  };
  const std::string id = plain(ImportLockId(state.place));
  Held() = R"({"ID":")" + id.substr(0, id.size() - own.size()) + its + R"("})";
  s3->objects["net.tfstate.tflock"].sha256.clear();
  CHECK(source->Lock(state).status().code() == Code::kLocked);
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  CHECK(*source->Lock(state) == SourceLock::kHeld);
  CHECK(source->Unlock(state).ok());
  CHECK(Free());
}

}  // namespace stateward
