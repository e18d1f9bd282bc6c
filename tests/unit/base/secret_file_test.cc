#include "base/secret_file.h"

#include <CppUTest/TestHarness.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace stateward {

TEST_GROUP(SecretFile) {
  char dir[40] = "/tmp/stateward-secret-XXXXXX";
  std::string path;

  void setup() override {
    CHECK(mkdtemp(dir) != nullptr);
    chmod(dir, 0755);
    path = std::string(dir) + "/file";
    FILE* f = fopen(path.c_str(), "w");
    fputs("secret\r\n", f);
    fclose(f);
  }
  void teardown() override {
    unlink(path.c_str());
    rmdir(dir);
  }
  // "" = it is taken.
  std::string Refusal(mode_t mode) const {
    chmod(path.c_str(), mode);
    Result<SecretString> read = ReadSecretFile(path);
    const std::string said = read.ok() ? "" : read.status().detail();
    const Status looked = CheckSecretFile(path);
    STRCMP_EQUAL(said.c_str(), looked.detail().c_str());  // the same words
    if (!read.ok()) CHECK(read.status().code() == Code::kPermissionDenied);
    return said;
  }
};

TEST(SecretFile, OthersMayNothing) {
  for (mode_t mode : {0666, 0644, 0604, 0602, 0601, 0777}) {
    CHECK(Refusal(mode).find("every user may") != std::string::npos);
  }
  STRCMP_EQUAL("", Refusal(0600).c_str());
  STRCMP_EQUAL("", Refusal(0400).c_str());
}

TEST(SecretFile, TheGroupMayReadWhatIsRoots) {
  CHECK(Refusal(0660).find("its group may write") != std::string::npos);
  CHECK(Refusal(0620).find("its group may write") != std::string::npos);
  struct stat st {};
  CHECK(stat(path.c_str(), &st) == 0);
  if (st.st_uid == 0) STRCMP_EQUAL("", Refusal(0640).c_str());
  if (st.st_uid == 0 && chown(path.c_str(), 12345, 12345) != 0) FAIL("chown");
  CHECK(Refusal(0640).find("its group may read") != std::string::npos);
}

TEST(SecretFile, AnotherUsersIsRefused) {
  if (geteuid() != 0) return;  // only root can make one
  CHECK(chown(path.c_str(), 12345, 12345) == 0);
  chmod(path.c_str(), 0400);
  CHECK(CheckSecretFile(path).ok());  // root may read anybody's
  CHECK(seteuid(65534) == 0);
  const Status looked = CheckSecretFile(path);
  CHECK(seteuid(0) == 0);
  CHECK(looked.detail().find("belongs to another user") != std::string::npos);
}

TEST(SecretFile, OnlyARegularFile) {
  unlink(path.c_str());
  CHECK(mkfifo(path.c_str(), 0600) == 0);
  CHECK(Refusal(0600).find("no regular file") != std::string::npos);  // and nobody waited
}

TEST(SecretFile, OneLineEndIsNotPartOfIt) {
  chmod(path.c_str(), 0600);
  STRCMP_EQUAL("secret", std::string(ReadSecretFile(path)->Reveal()).c_str());
  CHECK(ReadSecretBytes(path, 7).status().code() == Code::kTooLarge);
  CHECK(CheckSecretFile(path + "-absent").ok());
  CHECK_FALSE(ReadSecretFile(path + "-absent").ok());
}

}  // namespace stateward
