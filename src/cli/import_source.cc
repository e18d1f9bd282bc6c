#include "cli/import_source.h"

#include <utility>

#include "base/base64.h"
#include "cli/input_file.h"
#include "config/aws_environment.h"
#include "config/config.h"
#include "config/setting_value.h"
#include "config/settings.h"
#include "http_client/http_client.h"
#include "moving/folder_source.h"
#include "moving/gitlab_source.h"
#include "moving/http_source.h"
#include "moving/pg_source.h"
#include "moving/s3_source.h"
#include "moving/tfe_source.h"
#include "stateward/clock.h"

namespace stateward {
namespace {

// --source-env: what the clients of the source are told, under their own names.
class SourceEnv {
 public:
  static Result<SourceEnv> Read(const CliContext& cli, const Args& args) {
    SourceEnv out;
    const std::string& path = args.Text("source-env");
    if (path.empty()) return out;
    Result<SecretBytes> text = ReadInput(cli, path, InputRights::kOwnerOnly);
    if (!text.ok()) return std::move(text).status();
    for (const std::string& problem : ParseEnvText(ByteView(*text).AsString(), &out.env_)) {
      return Status::InvalidArgument(path + ": " + problem);
    }
    return out;
  }

  const EnvMap& env() const { return env_; }
  SecretString Secret(const std::string& name) const {
    auto found = env_.find(name);
    return found == env_.end() ? SecretString() : found->second;
  }
  std::string Text(const std::string& name, const std::string& fallback = "") const {
    const SecretString value = Secret(name);
    return value.empty() ? fallback : std::string(value.Reveal());
  }

 private:
  EnvMap env_;
};

Result<std::unique_ptr<Source>> OpenFolder(const CliContext& cli, const std::string& folder) {
  Result<std::vector<std::string>> paths =
      cli.list_folder ? cli.list_folder(folder) : StateFilesBelow(folder);
  if (!paths.ok()) return std::move(paths).status();
  return FolderSource::Open(folder, *paths,
                            [&cli](const std::string& path) { return cli.OpenInput(path); });
}

// STORAGE_S3_* as for a store, and the AWS names that the backend reads.
Result<S3Settings> S3SettingsOf(const SourceEnv& env) {
  Config config;
  for (const Setting& row : Settings()) {
    if (row.name.substr(0, 11) != "STORAGE_S3_") continue;
    const SecretString value = env.Secret(std::string(row.name));
    const std::string wrong = value.empty() ? "" : WhatIsWrong(row, value.Reveal());
    if (!wrong.empty()) return Status::InvalidArgument(std::string(row.name) + " " + wrong);
    PutSetting(row, value.empty() ? SecretString(row.fallback) : value, &config);
  }
  config.s3.credentials.aws = ReadAwsEnvironment(env.env());
  const std::string url = env.Text("AWS_ENDPOINT_URL_S3", env.Text("AWS_ENDPOINT_URL"));
  if (env.Secret("STORAGE_S3_ENDPOINT").empty() && !url.empty()) {
    const std::string origin = OriginOf(url);
    if (origin.empty()) return Status::InvalidArgument("AWS_ENDPOINT_URL_S3: no address");
    config.s3.use_ssl = origin.compare(0, 8, "https://") == 0;
    config.s3.endpoint = origin.substr(origin.find("://") + 3);
  }
  config.s3.prefix.clear();
  return config.s3;
}

Result<std::unique_ptr<Source>> OpenS3(const Args& args, const SourceEnv& env) {
  const std::string& place = args.Text("s3");
  const size_t slash = place.find('/');
  if (slash == place.npos || slash == 0) return Status::InvalidArgument("--s3 is BUCKET/KEY");
  Result<S3Settings> settings = S3SettingsOf(env);
  if (!settings.ok()) return std::move(settings).status();
  S3SourceOptions options;
  options.settings = *std::move(settings);
  options.settings.bucket = place.substr(0, slash);
  options.key = place.substr(slash + 1);
  options.workspace_key_prefix = args.Text("workspace-key-prefix");
  return S3Source::Open(std::move(options), SystemClock());
}

SecretString BasicValue(const SecretString& user, const SecretString& password) {
  SecretBytes pair;
  for (const std::string_view part : {user.Reveal(), std::string_view(":"), password.Reveal()}) {
    pair.insert(pair.end(), part.begin(), part.end());
  }
  return SecretString("Basic " + Base64Encode(pair));
}

Result<std::unique_ptr<Web>> OpenWeb(const std::string& url, const std::string& header,
                                     SecretString value, const SourceEnv& env) {
  const std::string origin = OriginOf(url);
  if (origin.empty()) {
    return Status::InvalidArgument(
        "the source's address begins with https:// (or http://), and has no credentials in it");
  }
  HttpClientOptions options;
  options.allow_http = origin.compare(0, 7, "http://") == 0;
  options.ca_file = env.Text("SOURCE_CA_FILE");
  Result<std::unique_ptr<HttpClient>> http = NewCurlClient(options);
  if (!http.ok()) return std::move(http).status();
  return std::make_unique<Web>(*std::move(http), origin, value.empty() ? "" : header,
                               std::move(value));
}

Result<std::unique_ptr<Source>> OpenHttp(const Args& args, const SourceEnv& env,
                                         const ImportNames& names) {
  HttpSourceOptions options;
  options.address = args.Text("http");
  options.lock_address = env.Text("TF_HTTP_LOCK_ADDRESS");
  options.unlock_address = env.Text("TF_HTTP_UNLOCK_ADDRESS");
  options.lock_method = env.Text("TF_HTTP_LOCK_METHOD", "LOCK");
  options.unlock_method = env.Text("TF_HTTP_UNLOCK_METHOD", "UNLOCK");
  if (options.lock_address.empty() != options.unlock_address.empty()) {
    return Status::InvalidArgument("TF_HTTP_LOCK_ADDRESS and TF_HTTP_UNLOCK_ADDRESS go together");
  }
  const bool one = FillPattern(options.address, "") == options.address;
  if (!one && args.Has("to")) {
    return Status::InvalidArgument(
        "no list of states can be had from this source: with {workspace} in --http, --names FILE "
        "tells which there are");
  }
  options.workspaces = one ? std::vector<std::string>{"default"} : names.Workspaces();
  const SecretString user = env.Secret("TF_HTTP_USERNAME");
  Result<std::unique_ptr<Web>> web = OpenWeb(
      options.address, "authorization",
      user.empty() ? SecretString() : BasicValue(user, env.Secret("TF_HTTP_PASSWORD")), env);
  if (!web.ok()) return std::move(web).status();
  return std::unique_ptr<Source>(
      std::make_unique<HttpSource>(std::move(options), *std::move(web), SystemClock()));
}

Result<std::unique_ptr<Source>> OpenGitlab(const Args& args, const SourceEnv& env) {
  const std::string& url = args.Text("gitlab");
  const std::string path = PathOf(url);
  Result<std::unique_ptr<Web>> web = OpenWeb(url, "private-token", env.Secret("GITLAB_TOKEN"), env);
  if (!web.ok()) return std::move(web).status();
  if (path.size() < 2) return Status::InvalidArgument("--gitlab is https://HOST/GROUP/PROJECT");
  return std::unique_ptr<Source>(
      std::make_unique<GitlabSource>(path.substr(1), *std::move(web), SystemClock()));
}

Result<std::unique_ptr<Source>> OpenTfe(const Args& args, const SourceEnv& env) {
  const std::string& url = args.Text("tfe");
  const std::string path = PathOf(url);
  SecretString token;
  const SecretString value = env.Secret("TFE_TOKEN");
  if (!value.empty()) token = SecretString("Bearer " + std::string(value.Reveal()));
  Result<std::unique_ptr<Web>> web = OpenWeb(url, "authorization", std::move(token), env);
  if (!web.ok()) return std::move(web).status();
  if (path.size() < 2 || path.find('/', 1) != path.npos) {
    return Status::InvalidArgument("--tfe is https://HOST/ORGANIZATION");
  }
  return std::unique_ptr<Source>(std::make_unique<TfeSource>(path.substr(1), *std::move(web)));
}

}  // namespace

Result<std::unique_ptr<Source>> OpenImportSource(const CliContext& cli, const Args& args,
                                                 const ImportNames& names) {
  int given = 0;
  for (const char* name : {"folder", "s3", "pg", "http", "gitlab", "tfe"}) given += args.Has(name);
  if (given != 1) {
    return Status::InvalidArgument(
        "give one source: --folder, --s3, --pg, --http, --gitlab or --tfe");
  }
  Result<SourceEnv> env = SourceEnv::Read(cli, args);
  if (!env.ok()) return std::move(env).status();
  if (args.Has("folder")) return OpenFolder(cli, args.Text("folder"));
  if (args.Has("s3")) return OpenS3(args, *env);
  if (args.Has("http")) return OpenHttp(args, *env, names);
  if (args.Has("gitlab")) return OpenGitlab(args, *env);
  if (args.Has("tfe")) return OpenTfe(args, *env);
  const SecretString connection = env->Secret("PG_CONN_STR");
  if (connection.empty()) {
    return Status::InvalidArgument("--source-env must say PG_CONN_STR: the backend's conn_str");
  }
  return PgSource::Open(connection, args.Text("pg"), SystemClock());
}

}  // namespace stateward
