#include "vault/vault_client.h"

#include <CppUTest/TestHarness.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>

#include "doubles/fake_clock.h"
#include "doubles/fake_vault.h"

namespace stateward {

TEST_GROUP(VaultClient) {
  FakeClock clock;
  FakeVault vault;
  std::string file = "build/vault-token-test-" + std::to_string(getpid());

  void teardown() override { std::remove(file.c_str()); }

  static VaultOptions Options() {
    VaultOptions options;
    options.address = "http://127.0.0.1:8200/";
    options.auth.token = SecretString("root");
    options.first_pause_ms = 1;
    return options;
  }
  std::unique_ptr<VaultClient> Open(const VaultOptions& options) {
    return *VaultClient::New(options, vault.Client(), clock, nullptr);
  }
  void WriteFile(const std::string& text) {
    std::ofstream(file) << text;
    chmod(file.c_str(), 0600);
  }
  static Code CodeOf(const Result<VaultAnswer>& answer) {
    return answer.ok() ? Code::kOk : answer.status().code();
  }
  Code LookUp(VaultClient & client) {
    return CodeOf(client.Call({"GET", "auth/token/lookup-self"}));
  }
  void Fault(HttpAnswer answer) {
    vault.fault = [answer](const HttpRequest&) { return Result<HttpAnswer>(answer); };
  }
};

TEST(VaultClient, SettingsThatCannotBeAreRefused) {
  const auto refused = [](const VaultOptions& options) {
    FakeClock any;
    Result<std::unique_ptr<VaultClient>> client = VaultClient::New(options, any, nullptr);
    return !client.ok() && client.status().code() == Code::kInvalidArgument;
  };
  for (const char* address : {"", "127.0.0.1:8200", "ftp://x", "https://", "https://u@h:1",
                              "https://h?x", "https://h/ "}) {
    VaultOptions options = Options();
    options.address = address;
    CHECK(refused(options));
  }
  VaultOptions options = Options();
  options.auth.token = SecretString();
  CHECK(refused(options));
  options.auth.approle_role_id = "r";
  CHECK(refused(options));  // no secret id
  options.auth.approle_secret_id = SecretString("s");
  options.auth.kube_role = "k";
  CHECK(refused(options));  // two ways
  options = Options();
  options.ca_file = "/nonexistent/ca.pem";
  CHECK(refused(options));
  options = Options();
  options.client_cert = "only-one.pem";
  CHECK(refused(options));
}

TEST(VaultClient, NamespaceAndTokenAreSent) {
  VaultOptions options = Options();
  options.name_space = "team/a";
  CHECK(LookUp(*Open(options)) == Code::kOk);
  STRCMP_EQUAL("team/a", vault.last_namespace.c_str());
  options.auth.token = SecretString("wrong");
  CHECK(LookUp(*Open(options)) == Code::kPermissionDenied);
}

TEST(VaultClient, AnOutageIsTriedAgain) {
  std::unique_ptr<VaultClient> client = Open(Options());
  int left = 3;
  vault.fault = [&](const HttpRequest&) -> std::optional<Result<HttpAnswer>> {
    if (left-- == 3) return Result<HttpAnswer>(FakeVault::Error(503, "Vault is sealed"));
    if (left == 1) return Result<HttpAnswer>(FakeVault::Answer(429, ""));
    if (left == 0) return Result<HttpAnswer>(Status::Unavailable("http: Timeout was reached"));
    return std::nullopt;
  };
  CHECK(LookUp(*client) == Code::kOk);
  LONGS_EQUAL(4, vault.calls);
}

TEST(VaultClient, BreakerOpensAndTriesAgain) {
  std::unique_ptr<VaultClient> client = Open(Options());
  Fault(FakeVault::Error(503, "Vault is sealed"));
  Result<VaultAnswer> answer = client->Call({"GET", "auth/token/lookup-self"});
  CHECK(CodeOf(answer) == Code::kUnavailable);
  LONGS_EQUAL(CircuitBreaker::kFailures, vault.calls);
  CHECK(LookUp(*client) == Code::kUnavailable);
  LONGS_EQUAL(CircuitBreaker::kFailures, vault.calls);  // was not asked
  vault.fault = nullptr;
  clock.Advance(CircuitBreaker::kPauseUs / 1000);
  CHECK(LookUp(*client) == Code::kOk);
  CHECK(LookUp(*client) == Code::kOk);
}

TEST(VaultClient, ALargeRequestThatIsRefusedDoesNotOpenTheBreaker) {
  std::unique_ptr<VaultClient> client = Open(Options());
  Fault(FakeVault::Error(500, "JSON string value exceeds allowed length"));
  const std::string body = "{\"ciphertext\":\"" + std::string(1 << 20, 'A') + "\"}";
  for (int i = 0; i < 10; ++i) {
    CHECK(CodeOf(client->Call({"POST", "transit/decrypt/states", body})) == Code::kUnavailable);
  }
  LONGS_EQUAL(10, vault.calls);  // and each was tried once
  vault.fault = nullptr;
  CHECK(LookUp(*client) == Code::kOk);
}

TEST(VaultClient, WhatIsNotVaultsAnswerIsAnOutage) {
  for (const HttpAnswer& answer :
       {FakeVault::Answer(200, "<html>login</html>"), FakeVault::Answer(200, ""),
        FakeVault::Answer(404, "nginx"), FakeVault::Answer(307, ""), FakeVault::Answer(405, "{}"),
        FakeVault::Answer(403, "proxy says no")}) {
    std::unique_ptr<VaultClient> client = Open(Options());
    Fault(answer);
    CHECK(LookUp(*client) == Code::kUnavailable);
  }
  std::unique_ptr<VaultClient> client = Open(Options());
  vault.fault = [](const HttpRequest&) {
    return Result<HttpAnswer>(Status(Code::kTooLarge, "http: the answer is too long"));
  };
  CHECK(LookUp(*client) == Code::kUnavailable);
}

TEST(VaultClient, NotFoundAndBadRequestAreAnswers) {
  std::unique_ptr<VaultClient> client = Open(Options());
  Result<VaultAnswer> answer = client->Call({"GET", "nothing/here"});
  CHECK(answer.ok());
  LONGS_EQUAL(404, answer->status);
  STRCMP_EQUAL("no handler for route", answer->error.c_str());
}

TEST(VaultClient, AppRoleLogsInOnceAndAgainAfterA403) {
  VaultOptions options = Options();
  options.auth = VaultAuth();
  options.auth.approle_role_id = "role";
  options.auth.approle_secret_id = SecretString("secret");
  std::unique_ptr<VaultClient> client = Open(options);
  CHECK(LookUp(*client) == Code::kOk);
  CHECK(LookUp(*client) == Code::kOk);
  LONGS_EQUAL(1, vault.logins);
  STRCMP_EQUAL("auth/approle/login {\"role_id\":\"role\",\"secret_id\":\"secret\"}",
               vault.last_login.c_str());
  vault.tokens.clear();  // revoked, or Vault was set up again
  clock.Advance(60000);
  CHECK(LookUp(*client) == Code::kOk);
  LONGS_EQUAL(2, vault.logins);
  // A token that is refused as soon as it was given: its rights are the reason.
  vault.fault = [](const HttpRequest& r) -> std::optional<Result<HttpAnswer>> {
    if (r.url.find("/login") != r.url.npos) return std::nullopt;
    return Result<HttpAnswer>(FakeVault::Error(403, "permission denied"));
  };
  clock.Advance(60000);
  for (int i = 0; i < 5; ++i) CHECK(LookUp(*client) == Code::kPermissionDenied);
  LONGS_EQUAL(3, vault.logins);
}

TEST(VaultClient, KubernetesReadsItsFileAtEachLogin) {
  VaultOptions options = Options();
  options.auth = VaultAuth();
  options.auth.kube_role = "states";
  options.auth.kube_token_file = file;
  std::unique_ptr<VaultClient> client = Open(options);
  CHECK(LookUp(*client) == Code::kUnavailable);  // the file is not there yet
  WriteFile("jwt.one\n");
  clock.Advance(10000);
  CHECK(LookUp(*client) == Code::kOk);
  STRCMP_EQUAL("auth/kubernetes/login {\"role\":\"states\",\"jwt\":\"jwt.one\"}",
               vault.last_login.c_str());
  WriteFile("jwt.two");
  vault.tokens.clear();
  clock.Advance(60000);
  CHECK(LookUp(*client) == Code::kOk);
  CHECK(vault.last_login.find("jwt.two") != std::string::npos);
}

TEST(VaultClient, ATokenFileThatChangedIsReadAgain) {
  VaultOptions options = Options();
  options.auth.token_file = file;
  std::unique_ptr<VaultClient> client = Open(options);
  CHECK(LookUp(*client) == Code::kUnavailable);
  WriteFile("old");
  clock.Advance(10000);
  CHECK(LookUp(*client) == Code::kPermissionDenied);
  WriteFile("root\n");
  CHECK(LookUp(*client) == Code::kOk);  // also without the background thread
}

TEST(VaultClient, TheBackgroundThreadRunsTasksUntilItIsStopped) {
  std::unique_ptr<VaultClient> client = Open(Options());
  std::atomic<int> runs{0};
  client->AddTask([&] {
    ++runs;
    return int64_t{0};
  });
  client->Start();
  while (runs < 1) usleep(1000);
  client->Stop();
  const int after = runs;
  usleep(20000);
  LONGS_EQUAL(after, runs);
}

TEST_GROUP(VaultSession) {
  FakeClock clock;
  FakeVault vault;
  std::unique_ptr<HttpClient> http = vault.Client();

  std::unique_ptr<VaultSession> Open(VaultAuth auth) {
    auto send = [this](std::string_view method, const std::string& path, const VaultToken& token,
                       ByteView body) {
      HttpRequest request;
      request.method = std::string(method);
      request.url = "http://v/v1/" + path;
      if (token) request.secret_headers.emplace_back("X-Vault-Token", *token);
      if (!body.empty()) request.body = body;
      return http->Send(request);
    };
    return *VaultSession::New(std::move(auth), send, clock, nullptr);
  }
  static VaultAuth AppRole() {
    VaultAuth auth;
    auth.approle_role_id = "role";
    auth.approle_secret_id = SecretString("secret");
    return auth;
  }
  // Ticks through `seconds`.
  void Live(VaultSession & session, int seconds) {
    for (int i = 0; i < seconds * 4; ++i) {
      session.Tick();
      clock.Advance(250);
    }
  }
};

TEST(VaultSession, RenewsAtTwoThirds) {
  vault.ttl = 90;
  VaultAuth auth;
  auth.token = SecretString("root");
  std::unique_ptr<VaultSession> session = Open(std::move(auth));
  Live(*session, 59);
  LONGS_EQUAL(0, vault.renewals);
  Live(*session, 3);
  LONGS_EQUAL(1, vault.renewals);
  Live(*session, 60);
  LONGS_EQUAL(2, vault.renewals);
}

TEST(VaultSession, LogsInAnewBeforeTheMaximum) {
  vault.ttl = 90;
  std::unique_ptr<VaultSession> session = Open(AppRole());
  Live(*session, 62);
  LONGS_EQUAL(1, vault.renewals);
  LONGS_EQUAL(1, vault.logins);
  vault.ttl = 20;  // what is left until the maximum
  Live(*session, 60);
  LONGS_EQUAL(2, vault.renewals);
  LONGS_EQUAL(2, vault.logins);
}

TEST(VaultSession, ATokenThatCannotBeRenewedIsReplaced) {
  vault.ttl = 90;
  vault.renewable = false;
  std::unique_ptr<VaultSession> session = Open(AppRole());
  Live(*session, 62);
  LONGS_EQUAL(0, vault.renewals);
  LONGS_EQUAL(2, vault.logins);
}

TEST(VaultSession, AnEndlessTokenIsLeftAlone) {
  VaultAuth auth;
  auth.token = SecretString("root");
  std::unique_ptr<VaultSession> session = Open(std::move(auth));
  Live(*session, 100);
  LONGS_EQUAL(1, vault.calls);
}

TEST(VaultSession, RenewalGoesOnAfterAnOutage) {
  vault.ttl = 90;
  std::unique_ptr<VaultSession> session = Open(AppRole());
  Live(*session, 50);
  vault.fault = [](const HttpRequest&) {
    return Result<HttpAnswer>(Status::Unavailable("http: Couldn't connect to server"));
  };
  Live(*session, 25);
  vault.fault = nullptr;
  Live(*session, 3);
  CHECK(vault.renewals + vault.logins >= 2);
}

}  // namespace stateward
