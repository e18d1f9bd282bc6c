// A Vault in memory, behind HttpClient: tokens, AppRole and Kubernetes logins, one KV secret, one
// Transit key, and switches for what goes wrong. Answers as Vault 1.21 does.
#ifndef STATEWARD_TESTS_DOUBLES_FAKE_VAULT_H_
#define STATEWARD_TESTS_DOUBLES_FAKE_VAULT_H_

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/base64.h"
#include "base/json.h"
#include "base/random.h"
#include "http_client/http_client.h"

namespace stateward {

class FakeVault {
 public:
  struct KvVersion {
    std::string data;  // of the secret: a JSON object
    bool deleted = false;
  };

  // The client that speaks to it. The FakeVault must outlive it.
  std::unique_ptr<HttpClient> Client() { return std::make_unique<Link>(this); }

  // What a test looks at and turns. Only while no call is under way, or under `mutex`.
  std::mutex mutex;
  std::set<std::string> tokens{"root"};
  uint64_t ttl = 0;  // of tokens that are given or renewed; 0: for ever
  bool renewable = true;
  int logins = 0, renewals = 0, calls = 0;
  std::map<std::string, int> calls_by_path;
  std::vector<KvVersion> kv;  // version 1 first
  std::string kv_path = "kv/data/terraform-backend";
  bool transit_key = true;
  bool key_was_made = false;  // by `encrypt`, because there was none
  bool tells_rights = true;
  std::set<std::string> encrypt_rights{"update"}, decrypt_rights{"update"};
  uint64_t transit_version = 1, min_decryption_version = 0;
  // Called first for each request; an answer in place of ours when it gives one.
  std::function<std::optional<Result<HttpAnswer>>(const HttpRequest&)> fault;
  std::string last_login;
  std::string last_namespace;

  static HttpAnswer Answer(int status, const std::string& body) {
    HttpAnswer answer;
    answer.status = status;
    answer.body.assign(body.begin(), body.end());
    return answer;
  }
  static HttpAnswer Error(int status, const std::string& text) {
    return Answer(status, "{\"errors\":[\"" + text + "\"]}");
  }
  // A whole state as the original had Transit encrypt it.
  std::string EncryptWhole(const std::string& plain) {
    return Wrap(SecretBytes(plain.begin(), plain.end()));
  }

 private:
  class Link : public HttpClient {
   public:
    explicit Link(FakeVault* vault) : vault_(vault) {}
    Result<HttpAnswer> Send(const HttpRequest& request) override { return vault_->Do(request); }

   private:
    FakeVault* vault_;
  };

  Result<HttpAnswer> Do(const HttpRequest& request) {
    std::lock_guard<std::mutex> hold(mutex);
    ++calls;
    const std::string path = request.url.substr(request.url.find("/v1/") + 4);
    ++calls_by_path[path];
    if (fault) {
      std::optional<Result<HttpAnswer>> other = fault(request);
      if (other) return std::move(*other);
    }
    for (const auto& [name, value] : request.headers) {
      if (name == "X-Vault-Namespace") last_namespace = value;
    }
    const std::string body =
        request.body ? std::string(request.body->AsString()) : std::string("{}");
    if (path.substr(0, 5) == "auth/" && path.substr(path.size() - 6) == "/login") {
      return LogIn(path, body);
    }
    std::string token;
    for (const auto& [name, value] : request.secret_headers) {
      if (name == "X-Vault-Token") token = std::string(value.Reveal());
    }
    if (tokens.count(token) == 0) return Error(403, "permission denied");
    return Route(request.method, path, body);
  }

  HttpAnswer LogIn(const std::string& path, const std::string& body) {
    ++logins;
    last_login = path + " " + body;
    const std::string token = "hvs." + std::to_string(logins);
    tokens.insert(token);
    return Auth(token);
  }

  HttpAnswer Auth(const std::string& token) const {
    return Answer(200, "{\"auth\":{\"client_token\":\"" + token +
                           "\",\"lease_duration\":" + std::to_string(ttl) +
                           ",\"renewable\":" + (renewable ? "true" : "false") + "}}");
  }

  HttpAnswer Route(const std::string& method, const std::string& path, const std::string& body) {
    if (path == "auth/token/lookup-self") {
      return Answer(200, "{\"data\":{\"ttl\":" + std::to_string(ttl) +
                             ",\"renewable\":" + (renewable ? "true" : "false") + "}}");
    }
    if (path == "auth/token/renew-self") {
      ++renewals;
      return Auth("");
    }
    if (path.substr(0, path.find('?')) == kv_path && method == "GET") return ReadKv(path);
    if (path == "sys/capabilities-self") return Capabilities();
    if (path == "transit/encrypt/states") return Encrypt(body);
    if (path == "transit/decrypt/states") {
      if (decrypt_rights.count("update") == 0) return Error(403, "permission denied");
      return Decrypt(body);
    }
    return Answer(404, "{\"errors\":[\"no handler for route\"]}");
  }

  static std::string List(const std::set<std::string>& rights) {
    std::string all;
    for (const std::string& right : rights) all += (all.empty() ? "\"" : ",\"") + right + "\"";
    return "[" + (all.empty() ? "\"deny\"" : all) + "]";
  }

  HttpAnswer Capabilities() const {
    if (!tells_rights) return Error(403, "permission denied");
    const std::string both = "\"transit/encrypt/states\":" + List(encrypt_rights) +
                             ",\"transit/decrypt/states\":" + List(decrypt_rights);
    return Answer(200, "{\"data\":{" + both + "}," + both + "}");
  }

  // As Vault does: who may create gets a key where there is none.
  HttpAnswer Encrypt(const std::string& body) {
    if (encrypt_rights.count(transit_key ? "update" : "create") == 0) {
      return Error(403, "permission denied");
    }
    if (!transit_key) key_was_made = true;
    transit_key = true;
    Result<JsonObject> json = ParseSmallJson(body);
    const auto plain = Base64Decode(json.ok() ? json->String("plaintext").value_or("=") : "=");
    if (!plain) return Error(400, "failed to base64-decode plaintext");
    return Answer(200, "{\"data\":{\"ciphertext\":\"" + Wrap(*plain) + "\"}}");
  }

  HttpAnswer ReadKv(const std::string& path) const {
    const size_t query = path.find("?version=");
    const uint64_t n =
        query == path.npos ? kv.size() : ParseUint64(path.substr(query + 9)).value_or(0);
    if (n == 0 || n > kv.size()) return Answer(404, "{\"errors\":[]}");
    const KvVersion& version = kv[n - 1];
    const std::string metadata = "\"metadata\":{\"version\":" + std::to_string(n) + "}";
    if (version.deleted) return Answer(404, "{\"data\":{\"data\":null," + metadata + "}}");
    return Answer(200, "{\"data\":{\"data\":" + version.data + "," + metadata + "}}");
  }

  std::string Wrap(SecretBytes plain) {
    const std::string text =
        "vault:v" + std::to_string(transit_version) + ":" + Base64Encode(RandomHex(24));
    wrapped_[text] = std::move(plain);
    return text;
  }

  HttpAnswer Decrypt(const std::string& body) {
    if (!transit_key) return Error(400, "encryption key not found");
    Result<JsonObject> json = ParseSmallJson(body);
    const std::string text = json.ok() ? json->String("ciphertext").value_or("") : "";
    const auto it = wrapped_.find(text);
    if (it == wrapped_.end()) return Error(400, "cipher: message authentication failed");
    const uint64_t version = ParseUint64(text.substr(7, text.find(':', 7) - 7)).value_or(0);
    if (version < min_decryption_version) {
      return Error(400, "ciphertext or signature version is disallowed by policy (too old)");
    }
    return Answer(200, "{\"data\":{\"plaintext\":\"" + Base64Encode(it->second) + "\"}}");
  }

  std::map<std::string, SecretBytes> wrapped_;
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_DOUBLES_FAKE_VAULT_H_
