#include "s3/s3_fetch.h"

#include <ctime>
#include <utility>

#include "base/secret_file.h"
#include "s3/sigv4.h"

namespace stateward {
namespace {

// These services are near; who waits for them holds up a request.
constexpr int64_t kFetchMs = 5000;
constexpr uint64_t kMaxAnswer = uint64_t{64} * 1024;
// A machine's token for asking for keys is used once.
constexpr char kMetadataTokenSeconds[] = "60";

// What stands between the only `open` and the `close` behind it; "" when there is not exactly one.
// Not by a parser: those leave copies of a secret in memory.
std::string_view Between(std::string_view text, std::string_view open, std::string_view close) {
  size_t from = text.find(open);
  if (from == std::string_view::npos) return {};
  from += open.size();
  if (text.find(open, from) != std::string_view::npos) return {};
  size_t to = text.find(close, from);
  return to == std::string_view::npos ? std::string_view() : text.substr(from, to - from);
}

// The text of the member `name` of a JSON object; "" when there is not exactly one, or it holds
// anything but plain characters (keys and times do not).
std::string_view JsonText(std::string_view json, std::string_view name) {
  std::string quoted = '"' + std::string(name) + '"';
  size_t at = json.find(quoted);
  if (at == std::string_view::npos) return {};
  std::string_view rest = json.substr(at + quoted.size());
  if (rest.find(quoted) != std::string_view::npos) return {};
  auto skip = [&rest](std::string_view blanks) {
    size_t n = rest.find_first_not_of(blanks);
    rest.remove_prefix(n == std::string_view::npos ? rest.size() : n);
  };
  skip(" \t\r\n");
  if (rest.empty() || rest[0] != ':') return {};
  rest.remove_prefix(1);
  skip(" \t\r\n");
  if (rest.empty() || rest[0] != '"') return {};
  rest.remove_prefix(1);
  size_t end = rest.find_first_of("\"\\");
  return end == std::string_view::npos || rest[end] == '\\' ? std::string_view()
                                                            : rest.substr(0, end);
}

// 2026-11-25T18:00:00Z, with or without a fraction; 0 when it is none.
int64_t ParseTimeMs(std::string_view text) {
  tm parts{};
  std::string whole(text);
  const char* end = strptime(whole.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr || whole.back() != 'Z') return 0;
  return static_cast<int64_t>(timegm(&parts)) * 1000;
}

Result<S3Credentials> Checked(S3Credentials keys, std::string_view expires, const char* who) {
  keys.expires_ms = ParseTimeMs(expires);
  bool whole = !keys.access_key.empty() && !keys.secret_key.empty() &&
               !keys.session_token.empty() && keys.expires_ms > 0;
  if (!whole) return Status::Unavailable(std::string(who) + ": the answer holds no keys");
  return keys;
}

Result<S3Credentials> FromJson(ByteView body, const char* who) {
  std::string_view text = body.AsString();
  S3Credentials keys;
  keys.access_key = std::string(JsonText(text, "AccessKeyId"));
  keys.secret_key = SecretString(JsonText(text, "SecretAccessKey"));
  keys.session_token = SecretString(JsonText(text, "Token"));
  return Checked(std::move(keys), JsonText(text, "Expiration"), who);
}

Result<HttpAnswer> Ask(HttpClient& http, HttpRequest* request, const char* who) {
  request->timeout_ms = kFetchMs;
  request->max_answer_bytes = kMaxAnswer;
  Result<HttpAnswer> answer = http.Send(*request);
  if (!answer.ok()) return Status::Unavailable(std::string(who) + ": " + answer.status().detail());
  if (answer->status != 200) {
    return Status::Unavailable(std::string(who) + ": " + std::to_string(answer->status));
  }
  return answer;
}

void AppendText(std::string_view text, SecretBytes* out) {
  out->insert(out->end(), text.begin(), text.end());
}

// Clear text is allowed only to this machine and to the addresses at which the platforms answer.
bool MayHaveToken(std::string_view url) {
  if (url.substr(0, 8) == "https://") return true;
  if (url.substr(0, 7) != "http://") return false;
  std::string_view host = url.substr(7);
  host = host.substr(0, host.find('/'));
  if (host.find('@') != std::string_view::npos) return false;
  if (host.substr(0, 1) == "[") {
    host = host.substr(0, host.find(']') + 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  for (std::string_view known :
       {"127.0.0.1", "localhost", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"}) {
    if (host == known) return true;
  }
  return false;
}

}  // namespace

Result<SecretString> ReadTokenFile(const std::string& path) {
  Result<SecretBytes> bytes = ReadSmallFile(path, kMaxSecretFile);
  if (!bytes.ok()) return std::move(bytes).status();
  while (!bytes->empty() && (bytes->back() == '\n' || bytes->back() == '\r')) bytes->pop_back();
  return SecretString(std::move(*bytes));
}

Result<S3Credentials> FetchByWebIdentity(HttpClient& http, const S3CredentialSettings& settings) {
  constexpr char kWho[] = "STS";
  const AwsEnvironment& aws = settings.aws;
  Result<SecretString> token = ReadTokenFile(aws.web_identity_token_file);
  if (!token.ok()) return std::move(token).status();
  std::string region = settings.region.empty() ? "us-east-1" : settings.region;
  HttpRequest request;
  request.method = "POST";
  request.url =
      (aws.sts_endpoint.empty() ? "https://sts." + region + ".amazonaws.com" : aws.sts_endpoint) +
      "/";
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  std::string session = aws.role_session_name.empty() ? "stateward" : aws.role_session_name;
  SecretBytes body;
  body.reserve(4096 + 3 * token->size());
  AppendText("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=", &body);
  AppendText(UriEncode(aws.role_arn, false), &body);
  AppendText("&RoleSessionName=" + UriEncode(session, false) + "&WebIdentityToken=", &body);
  // A token is base64url and dots: nothing of it is ever encoded, so no copy is made.
  for (char c : token->Reveal()) {
    std::string_view one(&c, 1);
    AppendText(UriEncode(one, false), &body);
  }
  request.body = ByteView(body);
  Result<HttpAnswer> answer = Ask(http, &request, kWho);
  if (!answer.ok()) return std::move(answer).status();
  std::string_view text = ByteView(answer->body).AsString();
  S3Credentials keys;
  keys.access_key = std::string(Between(text, "<AccessKeyId>", "</AccessKeyId>"));
  keys.secret_key = SecretString(Between(text, "<SecretAccessKey>", "</SecretAccessKey>"));
  keys.session_token = SecretString(Between(text, "<SessionToken>", "</SessionToken>"));
  return Checked(std::move(keys), Between(text, "<Expiration>", "</Expiration>"), kWho);
}

Result<S3Credentials> FetchFromContainer(HttpClient& http, const AwsEnvironment& aws) {
  constexpr char kWho[] = "container credentials";
  HttpRequest request;
  request.url = aws.container_relative_uri.empty()
                    ? aws.container_full_uri
                    : "http://169.254.170.2" + aws.container_relative_uri;
  if (!MayHaveToken(request.url)) {
    return Status::Unavailable(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI: clear text only to this machine and to the "
        "platforms' own addresses");
  }
  SecretString token = aws.container_token;
  if (!aws.container_token_file.empty()) {
    Result<SecretString> read = ReadTokenFile(aws.container_token_file);
    if (!read.ok()) return std::move(read).status();
    token = std::move(*read);
  }
  if (!token.empty()) request.secret_headers.emplace_back("Authorization", std::move(token));
  Result<HttpAnswer> answer = Ask(http, &request, kWho);
  if (!answer.ok()) return std::move(answer).status();
  return FromJson(answer->body, kWho);
}

Result<S3Credentials> FetchFromMachine(HttpClient& http, const AwsEnvironment& aws) {
  constexpr char kWho[] = "instance metadata";
  std::string base =
      aws.metadata_endpoint.empty() ? "http://169.254.169.254" : aws.metadata_endpoint;
  HttpRequest request;
  request.method = "PUT";
  request.url = base + "/latest/api/token";
  request.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", kMetadataTokenSeconds}};
  request.body = ByteView();
  Result<HttpAnswer> token = Ask(http, &request, kWho);
  if (!token.ok()) return std::move(token).status();
  const std::string roles = base + "/latest/meta-data/iam/security-credentials/";
  HttpRequest get;
  get.url = roles;
  get.secret_headers.emplace_back("X-aws-ec2-metadata-token", SecretString(std::move(token->body)));
  Result<HttpAnswer> role = Ask(http, &get, kWho);
  if (!role.ok()) return std::move(role).status();
  std::string_view name = ByteView(role->body).AsString();
  name = name.substr(0, name.find_first_of("\r\n"));
  get.url = roles + UriEncode(name, false);
  Result<HttpAnswer> answer = Ask(http, &get, kWho);
  if (!answer.ok()) return std::move(answer).status();
  return FromJson(answer->body, kWho);
}

}  // namespace stateward
