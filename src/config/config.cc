#include "config/config.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/edit_distance.h"
#include "base/secret_file.h"
#include "config/aws_environment.h"
#include "config/setting_value.h"
#include "config/settings.h"

namespace stateward {
namespace {

// The settings of a large installation fit many times.
constexpr size_t kMaxEnvFile = 1 << 20;

// What the shipped units hand over for a key that has no file (SetCredential= next to
// LoadCredential=), so that they start when the key is in Vault, or in another setting.
bool SaysNone(const std::string& credential) {
  Result<SecretString> text = ReadSecretFile(credential);
  return text.ok() && text->Reveal() == kNoCredential;
}

std::string Lower(std::string_view name) {
  std::string out(name);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::string Plain(const EnvMap& env, const char* name) {
  auto it = env.find(name);
  return it == env.end() ? "" : std::string(it->second.Reveal());
}

bool IsSet(const EnvMap& env, const char* name) {
  auto it = env.find(name);
  return it != env.end() && !it->second.empty();
}

// A name of the environment that only looks like a setting's is one that was mistyped when so few
// letters differ.
constexpr size_t kSlip = 2;

bool IsOurs(std::string_view name) {
  for (std::string_view prefix : {"STORAGE_", "LOCK_", "KMS_", "AUTH_", "POSTGRES_", "REDIS_"}) {
    if (name.substr(0, prefix.size()) == prefix) return true;
  }
  return false;
}

// The name that the table knows: NAME_FILE of a secret counts as NAME.
bool IsKnown(std::string_view name) {
  if (FindSetting(name) != nullptr || IsAwsName(name)) return true;
  constexpr std::string_view kSuffix = "_FILE";
  if (name.size() <= kSuffix.size() || name.substr(name.size() - kSuffix.size()) != kSuffix) {
    return false;
  }
  const Setting* row = FindSetting(name.substr(0, name.size() - kSuffix.size()));
  return row != nullptr && row->secret;
}

void NoteUnknownNames(const EnvMap& env, const EnvMap& from_file, LoadedConfig* out) {
  for (const char* name : {"LISTEN_ADDR", "TLS_KEY", "TLS_CERT"}) {
    if (env.count(name) == 0) continue;
    out->warnings.push_back(std::string(name) +
                            " belongs to the web server now (nginx or Apache listens and speaks "
                            "TLS); it is not used");
  }
  if (env.count("VAULT_SKIP_VERIFY") > 0) {
    out->warnings.emplace_back(
        "VAULT_SKIP_VERIFY is ignored: Vault's certificate is always checked (VAULT_CACERT)");
  }
  for (const auto& [name, value] : env) {
    if (IsKnown(name)) continue;
    if (name == "LISTEN_ADDR" || name == "TLS_KEY" || name == "TLS_CERT") continue;
    std::string_view nearest = NearestSetting(name);
    const bool meant = IsOurs(name) || from_file.count(name) > 0 ||
                       (!nearest.empty() && EditDistance(name, nearest) <= kSlip);
    if (!meant) continue;
    out->warnings.push_back(
        name + " is no setting of Stateward" +
        (nearest.empty() ? "" : "; did you mean " + std::string(nearest) + "?"));
  }
}

// The value of one row, from where it stands.
void Read(const Setting& row, const EnvMap& env, LoadedConfig* out) {
  const std::string name(row.name);
  PutSetting(row, SecretString(row.fallback), &out->config);
  if (TakesFile(row)) {
    const std::string file = SecretFileOf(env, name);
    if (!file.empty()) {
      const Status rights = CheckSecretFile(file);
      if (!rights.ok()) out->errors.push_back(name + "_FILE: " + rights.detail());
      return PutSettingFile(row, file, &out->config);
    }
  }
  Result<std::optional<SecretString>> found = LookUp(env, name);
  if (!found.ok()) {
    out->errors.push_back(name + "_FILE: " + found.status().detail());
    return;
  }
  if (!found->has_value() || (*found)->empty()) return;
  const std::string wrong = WhatIsWrong(row, (*found)->Reveal());
  if (wrong.empty()) return PutSetting(row, **found, &out->config);
  const std::string shown = row.secret ? "" : " \"" + std::string((*found)->Reveal()) + "\"";
  out->errors.push_back(name + shown + " " + wrong);
}

// What follows from several settings.
void Combine(const EnvMap& env, Config* config) {
  // With a policy the users are known by it, and secrets open namespaces only if they say so.
  if (!config->auth.policy_file.empty() && !IsSet(env, "AUTH_BASIC_ENABLED")) {
    config->auth.basic_enabled = false;
  }
  // Where users are known, strangers must not take names that are meant for them.
  const bool identified = HasTokenIssuer(*config) || !config->auth.policy_file.empty();
  if (identified && !IsSet(env, "AUTH_BASIC_NEW_TENANTS")) config->rules.new_tenants = false;
}

void Check(LoadedConfig* out) {
  for (const Setting& row : Settings()) {
    if (row.check == nullptr) continue;
    const std::string wrong = row.check(out->config);
    if (!wrong.empty()) out->errors.push_back(std::string(row.name) + " " + wrong);
  }
}

}  // namespace

bool HasTokenIssuer(const Config& config) {
  const IssuerSettings& jwt = config.auth.jwt;
  if (!jwt.url.empty()) return true;
  // VAULT_ADDR alone, which may be there for the keys, opens no door.
  const bool audience = !jwt.audiences.empty() || jwt.any_audience;
  return audience && !config.kms.vault.address.empty();
}

EnvMap ReadEnvironment() {
  EnvMap env;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    env[std::string(text.substr(0, equals))] = SecretString(text.substr(equals + 1));
  }
  return env;
}

std::string SecretFileOf(const EnvMap& environment, const std::string& name) {
  std::string path = Plain(environment, (name + "_FILE").c_str());
  const std::string credentials = Plain(environment, "CREDENTIALS_DIRECTORY");
  if (!path.empty() || credentials.empty()) return path;
  for (const std::string& file : {name, Lower(name)}) {
    std::string candidate = credentials + "/" + file;
    if (access(candidate.c_str(), F_OK) == 0 && !SaysNone(candidate)) return candidate;
  }
  return "";
}

Result<std::optional<SecretString>> LookUp(const EnvMap& environment, const std::string& name) {
  const Setting* row = FindSetting(name);
  if (row != nullptr && row->secret) {
    const std::string path = SecretFileOf(environment, name);
    if (!path.empty()) {
      Result<SecretString> secret = ReadSecretFile(path);
      if (!secret.ok()) return std::move(secret).status();
      return std::optional<SecretString>(std::move(*secret));
    }
  }
  auto it = environment.find(name);
  if (it == environment.end()) return std::optional<SecretString>();
  return std::optional<SecretString>(it->second);
}

Result<EnvMap> ReadEnvFile(const std::string& path, std::vector<std::string>* problems) {
  EnvMap out;
  Result<SecretBytes> text = ReadSmallFile(path, kMaxEnvFile);
  if (!text.ok()) return std::move(text).status();
  *problems = ParseEnvText(ByteView(*text).AsString(), &out);
  // A file that names only the places of secrets may be read by all.
  for (const auto& [name, value] : out) {
    const Setting* row = FindSetting(name);
    const bool secret = (row != nullptr && row->secret) || IsAwsSecret(name);
    if (!secret || value.empty()) continue;
    const Status rights = CheckSecretFile(path);
    if (!rights.ok()) return Status(rights.code(), rights.detail() + " (it holds " + name + ")");
  }
  return out;
}

LoadedConfig LoadConfig(const EnvMap& environment, const std::string& env_file,
                        const Config* running) {
  LoadedConfig out;
  EnvMap from_file;
  if (!env_file.empty()) {
    std::vector<std::string> problems;
    Result<EnvMap> read = ReadEnvFile(env_file, &problems);
    if (!read.ok()) {
      out.errors.push_back("--env-file: " + read.status().detail());
      return out;
    }
    for (const std::string& problem : problems) out.errors.push_back(env_file + ": " + problem);
    from_file = std::move(*read);
  }
  EnvMap merged = from_file;
  merged.insert(environment.begin(), environment.end());
  for (const Setting& row : Settings()) {
    Read(row, merged, &out);
    if (running != nullptr && !row.reload && CopySetting(row, *running, &out.config)) {
      out.need_restart.emplace_back(row.name);
    }
  }
  out.config.s3.credentials.aws = ReadAwsEnvironment(merged);
  Combine(merged, &out.config);
  Check(&out);
  NoteUnknownNames(merged, from_file, &out);
  out.config.listen_fds = Plain(environment, "LISTEN_FDS");
  out.config.listen_pid = Plain(environment, "LISTEN_PID");
  out.config.notify_socket = Plain(environment, "NOTIFY_SOCKET");
  return out;
}

}  // namespace stateward
