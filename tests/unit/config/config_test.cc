#include "config/config.h"

#include <CppUTest/TestHarness.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "config/setting_value.h"
#include "config/settings.h"

namespace stateward {
namespace {

bool AnyHas(const std::vector<std::string>& lines, const std::string& part) {
  for (const std::string& line : lines) {
    if (line.find(part) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_GROUP(Config) {
  char dir[32] = "/tmp/stateward-config-XXXXXX";
  EnvMap env;

  void setup() override { CHECK(mkdtemp(dir) != nullptr); }
  void teardown() override {
    for (const char* name : {"/env", "/key", "/kms_key"}) unlink((std::string(dir) + name).c_str());
    rmdir(dir);
  }
  std::string File(const char* name, const std::string& text, mode_t mode) {
    std::string path = std::string(dir) + "/" + name;
    FILE* f = fopen(path.c_str(), "w");
    fwrite(text.data(), 1, text.size(), f);
    fclose(f);
    chmod(path.c_str(), mode);
    return path;
  }
  void Set(const char* name, const char* value) { env[name] = SecretString(value); }
};

TEST(Config, DefaultsAreTheTables) {
  LoadedConfig c = LoadConfig(env, "");
  CHECK(c.errors.empty());
  CHECK(c.warnings.empty());
  STRCMP_EQUAL("unix:/run/stateward/fcgi.sock", c.config.fastcgi_listen.c_str());
  UNSIGNED_LONGS_EQUAL(256UL << 20, c.config.max_state_bytes);
  STRCMP_EQUAL("./states", c.config.storage.fs_dir.c_str());
  CHECK(c.config.rules.write.legacy_read && c.config.rules.write.strict && !c.config.storage.init);
}

TEST(Config, EveryDefaultIsOfItsType) {
  for (const Setting& row : Settings()) {
    env.clear();
    if (!row.fallback.empty()) env[std::string(row.name)] = SecretString(row.fallback);
    LoadedConfig c = LoadConfig(env, "");
    CHECK_TEXT(c.errors.empty(), std::string(row.name).c_str());
  }
}

TEST(Config, AllErrorsAtOnceWithWhatWouldBeRight) {
  Set("WORKERS", "0");
  Set("LOG_LEVEL", "loud");
  Set("STORAGE_INIT", "maybe");
  Set("MAX_STATE_BYTES", "1T");
  Set("THREADS", "12x");
  LoadedConfig c = LoadConfig(env, "");
  UNSIGNED_LONGS_EQUAL(5, c.errors.size());
  CHECK(AnyHas(c.errors, "WORKERS \"0\" must be a number from 1 to 64"));
  CHECK(
      AnyHas(c.errors, "LOG_LEVEL \"loud\" must be one of: fatal error warning info debug trace"));
  CHECK(AnyHas(c.errors, "STORAGE_INIT \"maybe\" must be true or false"));
}

TEST(Config, UnknownNamesGetTheNearest) {
  Set("STORAGE_FS_DIRR", "x");
  Set("KMS_QUITE_OTHER_THING", "x");
  Set("PATH", "x");
  LoadedConfig c = LoadConfig(env, "");
  UNSIGNED_LONGS_EQUAL(2, c.warnings.size());
  CHECK(AnyHas(c.warnings,
               "STORAGE_FS_DIRR is no setting of Stateward; did you mean STORAGE_FS_DIR?"));
}

TEST(Config, EachNameNearASettingsIsTold) {
  for (const char* name : {"AUDIT_REQUIED", "READONLY", "FORCE_UNLOCK_ENABLE", "WEBHOOK_EVNTS"}) {
    Set(name, "x");
  }
  for (const char* name : {"LANG", "HOME", "USER", "LOGNAME", "PWD", "SHELL", "TERM", "EDITOR"}) {
    Set(name, "x");
  }
  LoadedConfig c = LoadConfig(env, "");
  UNSIGNED_LONGS_EQUAL(4, c.warnings.size());
  CHECK(AnyHas(c.warnings, "READONLY is no setting of Stateward; did you mean READ_ONLY?"));
}

TEST(Config, SettingsOfTheOriginalsListenerAreNamed) {
  Set("LISTEN_ADDR", ":8080");
  Set("TLS_KEY", "k");
  LoadedConfig c = LoadConfig(env, "");
  UNSIGNED_LONGS_EQUAL(2, c.warnings.size());
  CHECK(AnyHas(c.warnings, "LISTEN_ADDR belongs to the web server now"));
}

TEST(Config, EnvFileWinsAndItsUnknownNamesWarn) {
  Set("WORKERS", "3");
  std::string file = File("env", "# comment\nWORKERS = 5\n\nLOG_FORMAT='json'\nWORKRES=1\n", 0644);
  LoadedConfig c = LoadConfig(env, file);
  CHECK(c.errors.empty());
  UNSIGNED_LONGS_EQUAL(5, c.config.workers);
  CHECK(c.config.log_format == LogFormat::kJson);
  CHECK(AnyHas(c.warnings, "did you mean WORKERS?"));
}

// The unit and a reload read the same file.
TEST(Config, WhatSystemdWouldReadOtherwiseIsRefused) {
  const std::string file = File("env",
                                "# a comment that goes on \\\nWORKERS=2\nBASE_PATH=/a\\\n"
                                "STORAGE_FS_DIR=\"/a\\\"b\"\nRUNTIME_DIR=\"a\"b\"\n",
                                0644);
  LoadedConfig c = LoadConfig(env, file);
  UNSIGNED_LONGS_EQUAL(4, c.errors.size());
  for (const char* line : {"line 1: a backslash", "line 3: a backslash", "line 4: a backslash",
                           "line 5: a quote within quotes"}) {
    CHECK_TEXT(AnyHas(c.errors, line), line);
  }
}

TEST(Config, BrokenEnvFileNamesTheLine) {
  std::string file = File("env", "A=1\nnonsense\nB=\"open\n1C=2\n", 0644);
  LoadedConfig c = LoadConfig(env, file);
  CHECK(AnyHas(c.errors, "line 2: no '='"));
  CHECK(AnyHas(c.errors, "line 3: the quote does not end"));
  CHECK(AnyHas(c.errors, "line 4: the name"));
  CHECK(AnyHas(LoadConfig(env, file + "-absent").errors, "No such file"));
}

TEST(Config, SecretFileWinsAndLosesOneLineEnd) {
  std::string key = File("key", "from-file\n", 0600);
  Set("KMS_KEY", "from-env");
  STRCMP_EQUAL("from-env", std::string(LoadConfig(env, "").config.kms.key.Reveal()).c_str());
  Set("KMS_KEY_FILE", key.c_str());
  LoadedConfig c = LoadConfig(env, "");
  CHECK(c.warnings.empty());
  STRCMP_EQUAL("from-file", std::string(c.config.kms.key.Reveal()).c_str());
}

TEST(Config, SecretFileOpenToEverybodyIsRefused) {
  std::string key = File("key", "from-file\n", 0644);
  Set("KMS_KEY_FILE", key.c_str());
  LoadedConfig c = LoadConfig(env, "");
  CHECK(AnyHas(c.errors, "KMS_KEY_FILE: "));
  CHECK(AnyHas(c.errors, "every user may read or change it"));
}

// The kind: whatever file holds a secret, when it is read by the settings and when by its user.
TEST(Config, EveryFileWithASecretFollowsOneRule) {
  const std::string open = File("key", "from-file\n", 0666);
  const auto refused = [&](const std::string& name) {
    Set(name.c_str(), open.c_str());
    LoadedConfig c = LoadConfig(env, "");
    env.clear();
    return AnyHas(c.errors, name) && AnyHas(c.errors, open + ": every user may read or change it");
  };
  for (const Setting& row : Settings()) {
    const std::string name = std::string(row.name) + "_FILE";
    if (row.secret) CHECK_TEXT(refused(name), name.c_str());
  }
  for (const char* name : {"STORAGE_S3_CREDENTIALS_FILE", "VAULT_CLIENT_KEY", "AUTH_POLICY_FILE"}) {
    CHECK_TEXT(refused(name), name);
  }
}

TEST(Config, AnEnvFileWithASecretFollowsItToo) {
  for (const char* line : {"KMS_KEY=x\n", "AWS_SECRET_ACCESS_KEY=x\n", "REDIS_PASSWORD=x\n"}) {
    LoadedConfig c = LoadConfig(env, File("env", line, 0644));
    CHECK_TEXT(AnyHas(c.errors, "every user may read or change it"), line);
    CHECK_TEXT(LoadConfig(env, File("env", line, 0600)).errors.empty(), line);
  }
  // Nothing secret in it.
  CHECK(LoadConfig(env, File("env", "KMS_KEY_FILE=/absent\nWORKERS=3\n", 0644)).config.workers ==
        3);
}

// The kind: all settings that only a start takes.
TEST(Config, AReloadNamesWhatNeedsARestartAndKeepsIt) {
  const auto other = [](const Setting& row) -> std::string {
    const std::string fallback(row.fallback);
    if (row.type == SettingType::kBool) return fallback == "true" ? "false" : "true";
    if (row.type == SettingType::kText) return "another/";
    if (row.type != SettingType::kChoice) return std::to_string(row.max);
    const std::string choices(row.choices);
    const std::string last = choices.substr(choices.rfind('|') + 1);
    return last == fallback ? choices.substr(0, choices.find('|')) : last;
  };
  const LoadedConfig running = LoadConfig(env, "");
  for (const Setting& row : Settings()) {
    const std::string name(row.name);
    Set(name.c_str(), other(row).c_str());
    LoadedConfig next = LoadConfig(env, "", &running.config);
    env.clear();
    UNSIGNED_LONGS_EQUAL_TEXT(row.reload ? 0 : 1, next.need_restart.size(), name.c_str());
    if (row.reload) continue;
    STRCMP_EQUAL(name.c_str(), next.need_restart.front().c_str());
    CHECK_TEXT(!CopySetting(row, running.config, &next.config), name.c_str());
  }
  CHECK(LoadConfig(env, "", &running.config).need_restart.empty());
}

TEST(Config, SystemdCredentials) {
  File("kms_key", "from-credential", 0400);
  Set("CREDENTIALS_DIRECTORY", dir);
  Set("KMS_KEY", "from-env");
  LoadedConfig c = LoadConfig(env, "");
  STRCMP_EQUAL("from-credential", std::string(c.config.kms.key.Reveal()).c_str());
}

TEST(Config, ACredentialWithoutAFileIsNoSetting) {
  File("kms_key", "#none", 0400);
  File("kms_keyring", "#none\n", 0400);
  Set("CREDENTIALS_DIRECTORY", dir);
  LoadedConfig c = LoadConfig(env, "");
  LONGS_EQUAL(0, c.errors.size());
  CHECK(c.config.kms.key.empty());
  CHECK(c.config.kms.keyring.empty());
  Set("KMS_KEY", "from-env");
  STRCMP_EQUAL("from-env", std::string(LoadConfig(env, "").config.kms.key.Reveal()).c_str());
}

TEST(Config, StrangersOpenNoNamespaceWhereUsersAreKnown) {
  CHECK(LoadConfig(env, "").config.rules.new_tenants);
  Set("VAULT_ADDR", "https://vault");
  CHECK(LoadConfig(env, "").config.rules.new_tenants);
  Set("AUTH_JWT_AUDIENCE", "terraform");  // with Vault's address: its own issuer
  CHECK_FALSE(LoadConfig(env, "").config.rules.new_tenants);
  env.clear();
  Set("AUTH_JWT_OIDC_ISSUER_URL", "https://issuer");
  CHECK_FALSE(LoadConfig(env, "").config.rules.new_tenants);
  env.clear();
  Set("AUTH_POLICY_FILE", "/etc/stateward/policy.toml");
  CHECK_FALSE(LoadConfig(env, "").config.rules.new_tenants);
  Set("AUTH_BASIC_NEW_TENANTS", "true");
  CHECK(LoadConfig(env, "").config.rules.new_tenants);
}

TEST(Config, ErrorsNeverShowASecret) {
  for (const Setting& row : Settings()) {
    if (row.secret) env[std::string(row.name)] = SecretString("tell-nobody");
  }
  LoadedConfig c = LoadConfig(env, "");
  CHECK_FALSE(AnyHas(c.errors, "tell-nobody"));
  CHECK_FALSE(AnyHas(c.warnings, "tell-nobody"));
}

}  // namespace stateward
