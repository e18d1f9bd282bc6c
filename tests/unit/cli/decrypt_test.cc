#include <CppUTest/TestHarness.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "cli/cmd.h"
#include "cli/command_line.h"
#include "kms/key_text.h"
#include "kms/open_kms.h"
#include "storage/fs_layout.h"

namespace stateward {
namespace {

constexpr char kSeedKey[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
constexpr char kStoreId[] = "00112233445566778899aabbccddeeff";
constexpr std::string_view kDocument = "{\"version\":4,\"serial\":41}\n";

std::string TextOf(FILE* file) {
  std::string text;
  std::rewind(file);
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  return text;
}

void WriteFile(const std::filesystem::path& path, ByteView bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
}

}  // namespace

TEST_GROUP(CliDecrypt) {
  std::string store;
  StateId id = StateId::Of({"", "network", "prod"});
  std::map<std::string, std::string> settings = {{"KMS_KEY", kSeedKey}};
  std::string refused;  // why KMS_KEY cannot be read
  std::string out;
  std::string err;

  void setup() override {
    char name[] = "/tmp/stateward-test-XXXXXX";
    store = mkdtemp(name);
    StoreIdentity marker;
    marker.store_id = kStoreId;
    marker.lock_kind = "local";
    marker.lock_id = std::string(32, 'a');
    marker.sealed_secret = Bytes(3, 's');
    WriteFile(store + "/" + fs_layout::kMarker, fs_layout::FormatMarker(marker));
  }
  void teardown() override { std::filesystem::remove_all(store); }

  Bytes Seal(uint64_t n, RecordKind kind, std::string_view document) {
    KmsSettings kms;
    kms.key = SecretString(kSeedKey);
    SealedInfo info;
    info.key = {"", "network", "prod"};
    info.version.kind = kind;
    info.version.serial = 41;
    info.version.size = document.size();
    info.version.sha256 = Sha256(document);
    return *(*OpenKms(kms))->Seal({kStoreId, id, n}, info, document);
  }

  std::string MakeVersion(uint64_t n, RecordKind kind, std::string_view document) {
    const std::string path =
        store + "/" + fs_layout::StatePath(id) + "/" + fs_layout::VersionName(n);
    WriteFile(path, Seal(n, kind, document));
    return path;
  }

  // With its arguments as main gives them; what the command line refuses is said in err.
  int Run(const char* command, std::vector<std::string> args) {
    args.insert(args.begin(), {"statewardctl", command});
    const CommandLine line = ParseCommandLine(args);
    err = line.wrong;
    if (!line.wrong.empty()) return kExitUsage;
    CliContext cli;
    cli.out = std::tmpfile();
    cli.err = std::tmpfile();
    cli.setting = [this](const std::string& name) -> Result<std::optional<SecretString>> {
      if (name == "KMS_KEY" && !refused.empty()) return Status(Code::kPermissionDenied, refused);
      const auto it = settings.find(name);
      if (it == settings.end()) return std::optional<SecretString>();
      return std::optional<SecretString>(SecretString(it->second));
    };
    const int code = line.form->command->run(cli, line.args);
    out = TextOf(cli.out);
    err = TextOf(cli.err);
    std::fclose(cli.out);
    std::fclose(cli.err);
    return code;
  }

  void CheckDecrypts(const std::vector<std::string>& args) {
    LONGS_EQUAL(kExitOk, Run("decrypt", args));
    STRCMP_EQUAL(std::string(kDocument).c_str(), out.c_str());
  }

  void CheckFails(const std::vector<std::string>& args, const char* why,
                  ExitCode code = kExitFailed) {
    LONGS_EQUAL(code, Run("decrypt", args));
    STRCMP_CONTAINS(why, err.c_str());
    STRCMP_EQUAL("", out.c_str());
  }
};

TEST(CliDecrypt, AVersionIsFoundByItsPathAlone) {
  const std::string path = MakeVersion(7, RecordKind::kState, kDocument);
  CheckDecrypts({path});
  STRCMP_EQUAL("", err.c_str());
  const std::string link = store + "/link";
  std::filesystem::create_symlink(path, link);
  CheckDecrypts({link});
}

TEST(CliDecrypt, TheInfoIsOneLineOfJson) {
  CheckDecrypts({"--info", MakeVersion(7, RecordKind::kState, kDocument)});
  STRCMP_CONTAINS(
      "{\"project\":\"network\",\"name\":\"prod\",\"tenant\":\"\",\"kind\":\"state\","
      "\"serial\":41,",
      err.c_str());
  LONGS_EQUAL('\n', err.back());
}

TEST(CliDecrypt, ACopyElsewhereNeedsOptions) {
  const std::string copy = store + "/copy";
  WriteFile(copy, Seal(7, RecordKind::kState, kDocument));
  CheckFails({copy}, "--state-id", kExitUsage);
  CheckFails({copy, "--state-id", id.hex()}, "--version", kExitUsage);
  CheckFails({copy, "--state-id", id.hex(), "--version", "7"}, "--store-id", kExitUsage);
  CheckFails({copy, "--state-id", id.hex(), "--version", "8", "--store-id", kStoreId},
             "does not open");
  LONGS_EQUAL(kExitUsage, Run("decrypt", {copy, "--state-id", "short", "--version", "7",
                                          "--store-id", kStoreId}));
  STRCMP_CONTAINS("state-id must be 64 bytes", err.c_str());
  CheckDecrypts({copy, "--state-id", id.hex(), "--version", "7", "--store-id", kStoreId});
}

TEST(CliDecrypt, AKeptUploadIsFoundByItsPath) {
  KeptUpload entry;
  entry.principal_tag = std::string(32, 'b');
  entry.content_tag = std::string(32, 'c');
  entry.id = id;
  entry.size = kDocument.size();
  const std::string path = store + "/" + fs_layout::kUploads + "/" + entry.principal_tag + "/" +
                           fs_layout::UploadName(entry);
  WriteFile(path, Seal(0, RecordKind::kState, kDocument));
  CheckDecrypts({path});
}

TEST(CliDecrypt, BlobsOfTheOriginalOpen) {
  const std::string seed = "tests/data/seed/fs/";
  const std::string blob =
      seed + "0d2cf0a51cfa39a34c78c9873dc448eb38d3931ad5b349ba21863b0715d85a2d.tfstate";
  LONGS_EQUAL(kExitOk, Run("decrypt", {blob}));
  LONGS_EQUAL(164, out.size());
  std::filesystem::copy_file(blob, store + "/renamed");
  LONGS_EQUAL(kExitOk, Run("decrypt", {store + "/renamed", "--legacy"}));
  LONGS_EQUAL(164, out.size());
  CheckFails({store + "/renamed"}, "--state-id", kExitUsage);
}

TEST(CliDecrypt, ATombstoneIsNoEmptyState) {
  CheckFails({"--info", MakeVersion(8, RecordKind::kTombstone, "")}, "it is a tombstone record");
  STRCMP_CONTAINS("\"kind\":\"tombstone\"", err.c_str());
}

TEST(CliDecrypt, WhatIsWrongIsSaid) {
  const std::string path = MakeVersion(7, RecordKind::kState, kDocument);
  CheckFails({store + "/states/none"}, "no such file", kExitUsage);
  settings["KMS_KEY"] = "4pTzqUoUoMFzS0tZ5mM1c1sTL4wGv0q1m7r9a3HkX2c=";
  CheckFails({path}, "key 66a693b8a35977c4f3b6289e9c4e12fc unknown");
  settings["KMS_KEYRING"] = kSeedKey;
  CheckDecrypts({path});
  settings.clear();
  CheckFails({path}, "no key is set: KMS_KEY", kExitUsage);
  settings["KMS_KEY"] = kSeedKey;
  std::filesystem::remove(store + "/" + fs_layout::kMarker);
  CheckFails({path}, "--store-id gives one");
}

// As every other command, which reads the same settings.
TEST(CliDecrypt, AKeyFileThatOthersMayReadIsAWrongSetting) {
  const std::string path = MakeVersion(7, RecordKind::kState, kDocument);
  refused = "kms.key: every user may read or change it; chmod 0400 it";
  CheckFails({path}, "KMS_KEY: kms.key: every user may read", kExitUsage);
  LONGS_EQUAL(kExitUsage, Run("backup verify", {path}));
  STRCMP_CONTAINS("KMS_KEY: kms.key: every user may read", err.c_str());
}

TEST(CliDecrypt, WrongArgumentsAreRefused) {
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{}, {"a", "b"}, {"--version"}, {"--version", "x", "a"}, {"-x"}}) {
    LONGS_EQUAL(kExitUsage, Run("decrypt", args));
    CHECK_FALSE(err.empty());
  }
}

TEST(CliDecrypt, KeygenPrintsAKeyAndNothingElse) {
  LONGS_EQUAL(kExitOk, Run("keygen", {}));
  LONGS_EQUAL(45, out.size());
  CHECK(ParseKey(out).ok());
  STRCMP_EQUAL("", err.c_str());
  const std::string first = out;
  LONGS_EQUAL(kExitOk, Run("keygen", {}));
  CHECK(first != out);
  LONGS_EQUAL(kExitUsage, Run("keygen", {"x"}));
}

}  // namespace stateward
