// A backup that was put together of others: of what is there twice nobody knows which one is right.
#include <CppUTest/TestHarness.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "auth/policy_auth.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "doubles/tool_world.h"
#include "moving/backup.h"
#include "moving/tar.h"

namespace stateward {
namespace {

struct FileCloser {
  void operator()(FILE* file) const { (void)fclose(file); }
};
using TarFile = std::unique_ptr<FILE, FileCloser>;
using Files = std::vector<std::pair<std::string, Bytes>>;

// What a backup of a store with two states has, without its manifest.
Files FilesOfABackup(ToolWorld& w) {
  auto server = w.Serve(true);
  for (const char* name : {"a", "b"}) {
    const Grant grant = IdentifiedGrant({"", "net", name}, {Rights::All(), false, {}});
    CHECK(server->Put(grant, "", Text(TestDocument(1))).status.ok());
  }
  const TarFile file(tmpfile());
  CHECK(WriteBackup(*w.storage, *w.b.kms, w.clock, file.get(), {}).ok());
  rewind(file.get());
  Files files;
  const Status read = ReadTar(file.get(), [&](const std::string& name, const Bytes& bytes) {
    if (name != "manifest") files.emplace_back(name, bytes);
    return Status();
  });
  CHECK(read.ok());
  return files;
}

Files Joined(Files files, const Files& more) {
  files.insert(files.end(), more.begin(), more.end());
  return files;
}

TarFile Compose(const Files& files) {
  TarFile file(tmpfile());
  TarWriter tar(file.get());
  std::string manifest;
  for (const auto& [name, bytes] : files) {
    manifest += HexEncode(Sha256(bytes)) + "  " + name + "\n";
    CHECK(tar.Add(name, bytes, 0).ok());
  }
  CHECK(tar.Add("manifest", manifest, 0).ok());
  CHECK(tar.Finish().ok());
  rewind(file.get());
  return file;
}

Status Verify(ToolWorld& w, const Files& files) {
  Result<BackupCounts> done =
      VerifyBackup(Compose(files).get(), *w.b.kms, [](const std::string&) {});
  return done.ok() ? Status() : done.status();
}

Status Restore(ToolWorld& w, const Files& files, Storage& to, RestoreAs as) {
  Result<BackupCounts> done =
      RestoreBackup(Compose(files).get(), *w.b.kms, to, as, [](const std::string&) {});
  return done.ok() ? Status() : done.status();
}

void CheckCorruption(const Status& status, const std::string& why) {
  LONGS_EQUAL_TEXT(static_cast<int>(Code::kCorruption), static_cast<int>(status.code()),
                   why.c_str());
  STRCMP_CONTAINS(why.c_str(), status.detail().c_str());
}

}  // namespace

TEST_GROUP(BackupJoined){};

TEST(BackupJoined, WhatIsThereTwiceMakesItNone) {
  ToolWorld w;
  ToolWorld other;
  const Files files = FilesOfABackup(w);
  CHECK(Verify(w, files).ok());
  STRCMP_EQUAL("identity", files[1].first.c_str());
  const Files of_other = FilesOfABackup(other);
  const std::string record = files[2].first;
  const std::vector<std::pair<Files, std::string>> cases{
      {Joined(files, {of_other.begin() + 1, of_other.end()}), "archive: two of identity"},
      {Joined(files, {files[0]}), "archive: two of backup"},
      {Joined(files, {files[1]}), "archive: two of identity"},
      {Joined(files, {{record, files[3].second}}), "archive: two of " + record},
      {Joined(files, {files[2]}), "archive: two of " + record}};
  for (const auto& [made, why] : cases) {
    CheckCorruption(Verify(w, made), why);
    for (RestoreAs as : {RestoreAs::kOldIdentity, RestoreAs::kNewIdentity}) {
      MemStorage to;
      CheckCorruption(Restore(w, made, to, as), why);
      CHECK_FALSE(to.ReadIdentity().ok());  // nothing was made of it
    }
  }
}

}  // namespace stateward
