// Requests a second with each way in, next to none at all, in the same run: `make bench-auth`.
//
// The whole handler from request to response reads a state of 20 KB, which is sealed in memory; no
// web server, no disk and no log line, so that nothing hides what a way in costs.
// All ways take turns, round after round; a ratio is taken within a round, and the median counts.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "auth/basic.h"
#include "auth/issuers.h"
#include "auth/jwt_authenticator.h"
#include "auth/logins.h"
#include "auth/password.h"
#include "auth/policy.h"
#include "auth/policy_auth.h"
#include "base/base64.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "doubles/answer_to.h"
#include "doubles/fake_clock.h"
#include "doubles/fake_web.h"
#include "doubles/mem_locker.h"
#include "doubles/mem_storage.h"
#include "doubles/token_maker.h"
#include "http/app_handler.h"
#include "kms/open_kms.h"

namespace stateward {
namespace {

constexpr int kRounds = 15;
constexpr double kRoundSeconds = 0.2;

class Silent : public Observer {
 public:
  void OnRequest(RouteName, Method, int, int64_t) override {}
  void OnBackendCall(BackendKind, std::string_view, bool, int64_t) override {}
  void OnUploadKept() override {}
};

// No authentication at all.
class Anybody : public Authenticator {
 public:
  std::string_view Name() const override { return "anybody"; }
  bool Takes(const Credentials&) const override { return true; }
  Result<Grant> Authorize(const Credentials&, const StateKey& key, Verb) override {
    Grant grant;
    grant.key = key;
    grant.principal = "anybody";
    grant.rights = Rights::All();
    return grant;
  }
  Result<Identity> Identify(const Credentials&) override {
    return Status(Code::kUnauthenticated, "not asked here");
  }
};

struct TempFile {
  char name[40] = "/tmp/stateward-bench-XXXXXX";
  TempFile() { close(mkstemp(name)); }
  ~TempFile() { unlink(name); }
};

struct World {
  FakeClock clock;
  MemStorage storage;
  MemLocker locker{clock};
  Silent observer;
  Log log{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal};
  std::unique_ptr<Kms> kms;
  StoreGate gate{storage, locker};
  std::unique_ptr<StateService> states;
  FakeWeb web;
  std::unique_ptr<TokenVerifier> tokens;
  std::string token;

  World() {
    KmsSettings settings;
    settings.key = SecretString("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    kms = std::move(*OpenKms(settings));
    if (!gate.Init(false, *kms).ok()) std::puts("no store");
    states = std::make_unique<StateService>(storage, locker, *kms, gate, clock, observer, log,
                                            StateRules());
    token_maker::Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    web.Put("https://issuer.example/.well-known/openid-configuration",
            R"({"issuer":"https://issuer.example","jwks_uri":"https://issuer.example/keys"})");
    web.Put("https://issuer.example/keys", token_maker::KeySetOf(key.get(), "P-256"));
    token = token_maker::Sign(token_maker::Pem(key.get(), true), JWT_ALG_ES256,
                              static_cast<long>(clock.NowMs() / 1000 + 600));
    tokens = std::move(*NewTokenVerifier(
        {{"https://issuer.example", {"stateward"}, false, ""}}, "", PosixDisk(), clock, log,
        observer, {[this](const HttpClientOptions&) { return web.Client(); }, &Libjwt()}));
  }
};

// A policy with one user (bcrypt) and one machine token, both of whom may write.
struct PolicyWorld {
  TempFile path;
  std::string password = "correct horse battery";
  std::string token = NewMachineToken();
  std::unique_ptr<PolicyFile> file;
  Throttle throttle;
  Logins logins;

  explicit PolicyWorld(const World& world)
      : throttle(world.clock), logins(world.clock, throttle, 8) {
    Result<std::string> hash = HashPassword(SecretString(password));
    std::ofstream(path.name) << "[users.alice]\npassword = \"" << *hash
                             << "\"\n[tokens.ci]\nsha256 = \"" << HexEncode(Sha256(token))
                             << "\"\n[[rules]]\nuser = \"alice\"\nstates = [\"*/*\"]\nrole = "
                                "\"write\"\n[[rules]]\ntoken = \"ci\"\nstates = [\"*/*\"]\n"
                                "role = \"write\"\n";
    file = std::make_unique<PolicyFile>(world.clock, world.log, path.name);
  }
  std::unique_ptr<Authenticator> Open(const World& world) {
    return std::make_unique<PolicyAuthenticator>(
        *file, logins,
        [](const std::vector<PolicyIssuer>&) -> Result<std::shared_ptr<TokenVerifier>> {
          return std::shared_ptr<TokenVerifier>();
        },
        world.clock, 0);
  }
};

struct Way {
  const char* name;
  std::unique_ptr<Authenticator> authenticator;
  std::string user;
  std::string secret;
  std::string authorization;
  std::unique_ptr<AppHandler> handler;
  std::vector<double> rates;
};

void Open(World* world, Way* way) {
  HandlerParts parts;
  parts.states = world->states.get();
  parts.authenticators = {way->authenticator.get()};
  parts.observer = &world->observer;
  parts.log = &world->log;
  parts.clock = &SystemClock();
  parts.max_state_bytes = 1 << 20;
  way->handler = std::make_unique<AppHandler>(std::move(parts));
}

// Writes the state that the way's requests will read.
void Fill(World* world, Way* way) {
  Credentials credentials;
  credentials.user = way->user;
  credentials.secret = SecretString(way->secret);
  Result<Grant> grant = way->authenticator->Authorize(credentials, {"", "p", "n"}, Verb::kWrite);
  std::string text = R"({"version":4,"serial":1,"lineage":"l","resources":[")";
  for (int i = 0; text.size() < 20000; ++i) text += "resource " + std::to_string(i * 7919) + ", ";
  text += "\"]}";
  (void)world->states->Put(*grant, "", SecretBytes(text.begin(), text.end()));
}

double Rate(Way* way) {
  Request request;
  request.method = Method::kGet;
  request.target = "/state/p/n";
  request.authorization = SecretString(way->authorization);
  request.request_id = std::string(32, 'a');
  using Clock = std::chrono::steady_clock;
  auto start = Clock::now();
  double seconds = 0;
  int count = 0;
  while (seconds < kRoundSeconds) {
    for (int i = 0; i < 50; ++i, ++count) {
      Response response = AnswerTo(*way->handler, request, {});
      if (response.status != 200) {
        std::printf("%s: status %d\n", way->name, response.status);
        return 0;
      }
    }
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  return count / seconds;
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

int Run() {
  World world;
  PolicyWorld policy(world);
  std::vector<Way> ways;
  auto add = [&](const char* name, std::unique_ptr<Authenticator> authenticator,
                 const std::string& user, const std::string& secret) {
    ways.push_back({name,
                    std::move(authenticator),
                    user,
                    secret,
                    "Basic " + Base64Encode(user + ":" + secret),
                    nullptr,
                    {}});
  };
  add("none", std::make_unique<Anybody>(), "basic", "secret");
  add("basic",
      std::make_unique<BasicAuthenticator>(
          [](const std::string& tenant) -> Result<std::string> { return tenant; }),
      "basic", "secret");
  add("policy user", policy.Open(world), "alice", policy.password);
  add("machine token", policy.Open(world), "ci", policy.token);
  add("jwt ES256", std::make_unique<JwtAuthenticator>(*world.tokens, world.clock, 0), "jwt",
      world.token);
  for (Way& way : ways) {
    Open(&world, &way);
    Fill(&world, &way);
  }
  for (int round = 0; round < kRounds; ++round) {
    for (Way& way : ways) way.rates.push_back(Rate(&way));
  }
  std::printf("%-14s %12s %8s\n", "way in", "requests/s", "ratio");
  for (const Way& way : ways) {
    std::vector<double> ratios;
    for (int i = 0; i < kRounds; ++i)
      ratios.push_back(way.rates[static_cast<size_t>(i)] / ways[0].rates[static_cast<size_t>(i)]);
    std::printf("%-14s %12.0f %8.3f\n", way.name, Median(way.rates), Median(ratios));
  }
  return 0;
}

}  // namespace
}  // namespace stateward

int main() { return stateward::Run(); }
