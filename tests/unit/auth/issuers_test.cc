// Tokens over all issuers: two verifiers of each signature, and the trouble of one issuer.
#include "auth/issuers.h"

#include <CppUTest/TestHarness.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "doubles/eventually.h"
#include "doubles/fake_clock.h"
#include "doubles/fake_web.h"
#include "doubles/stderr_of.h"
#include "doubles/token_maker.h"

namespace stateward {
namespace {

using token_maker::Key;
using token_maker::KeySetOf;
using token_maker::Pem;
using token_maker::Sign;

class CountingObserver : public Observer {
 public:
  void OnRequest(RouteName, Method, int, int64_t) override {}
  void OnBackendCall(BackendKind, std::string_view, bool, int64_t) override {}
  void OnUploadKept() override {}
  void OnTokenDisagreement() override { ++disagreements; }
  int disagreements = 0;
};

// Says what the test wants, and remembers that it was asked.
class FakeSecond : public SecondVerifier {
 public:
  bool CanJudge(const ParsedToken& token) const override { return Libjwt().CanJudge(token); }
  Result<bool> Accepts(std::string_view text, const ParsedToken& token,
                       const VerifyKey& key) const override {
    ++asked;
    if (refuses) return false;
    return Libjwt().Accepts(text, token, key);
  }
  bool refuses = false;
  mutable int asked = 0;
};

}  // namespace

TEST_GROUP(Issuers) {
  FakeWeb web;
  FakeClock clock;
  Log log{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal};
  CountingObserver observer;
  FakeSecond second;
  Key key{EVP_EC_gen("P-256"), EVP_PKEY_free};
  std::string no_ca;  // a CA file that cannot be read

  void setup() override { Publish("https://issuer.example", KeySetOf(key.get(), "P-256")); }
  void Publish(const std::string& issuer, const std::string& keys) {
    web.Put(issuer + "/.well-known/openid-configuration",
            R"({"issuer":")" + issuer + R"(","jwks_uri":")" + issuer + R"(/keys"})");
    web.Put(issuer + "/keys", keys);
  }
  std::unique_ptr<TokenVerifier> Open(const std::vector<IssuerSettings>& issuers) {
    TokenParts parts;
    parts.connect =
        [this](const HttpClientOptions& options) -> Result<std::unique_ptr<HttpClient>> {
      if (!options.ca_file.empty() && options.ca_file == no_ca) {
        return Status::InvalidArgument("no such CA file");
      }
      return web.Client();
    };
    parts.second = &second;
    parts.wait_ms = 600000;  // as long as a test lets an issuer be slow
    return *NewTokenVerifier(issuers, "", PosixDisk(), clock, log, observer, parts);
  }
  SecretString Token() { return TokenOf("https://issuer.example"); }
  SecretString TokenOf(const std::string& issuer) {
    return SecretString(
        Sign(Pem(key.get(), true), JWT_ALG_ES256, clock.NowMs() / 1000 + 300, issuer));
  }
};

TEST(Issuers, ATokenEntersWhenBothVerifiersAgree) {
  auto tokens = Open({{"https://issuer.example", {"stateward"}, false, ""}});
  CHECK(tokens->Verify(Token()).ok());
  LONGS_EQUAL(1, second.asked);
  LONGS_EQUAL(0, observer.disagreements);
}

TEST(Issuers, ADisagreementIsRefusedAndCounted) {
  auto tokens = Open({{"https://issuer.example", {"stateward"}, false, ""}});
  second.refuses = true;
  SecretString token = Token();
  for (int i = 1; i <= 2; ++i) {
    Result<VerifiedToken> verified = tokens->Verify(token);
    CHECK(verified.status().code() == Code::kUnauthenticated);
    STRCMP_CONTAINS("disagree", verified.status().detail().c_str());
    LONGS_EQUAL(i, observer.disagreements);
  }
  second.refuses = false;
  CHECK(tokens->Verify(token).ok());
}

TEST(Issuers, ADisagreementIsLoggedAsSuch) {
  const std::string token(Token().Reveal());
  const std::string said = StderrOf([&] {
    log.SetLevel(LogLevel::kError);
    second.refuses = true;
    (void)Open({{"https://issuer.example", {"stateward"}, false, ""}})->Verify(SecretString(token));
  });
  STRCMP_CONTAINS("level=error", said.c_str());
  STRCMP_CONTAINS("OpenSSL accepts the signature of a token and libjwt does not", said.c_str());
  STRCMP_CONTAINS("issuer https://issuer.example, alg ES256", said.c_str());
  CHECK(said.find(token.substr(0, token.find('.'))) == std::string::npos);
}

TEST(Issuers, TheSecondVerifierSeesNoTokenThatTheFirstRefused) {
  auto tokens = Open({{"https://issuer.example", {"stateward"}, false, ""}});
  std::string token(Token().Reveal());
  token[token.size() - 10] = token[token.size() - 10] == 'A' ? 'B' : 'A';
  CHECK(tokens->Verify(SecretString(token)).status().code() == Code::kUnauthenticated);
  LONGS_EQUAL(0, second.asked);
}

// Two threads of a worker wait at the most, however many issuers are slow.
TEST(Issuers, SlowIssuersTogetherHoldTwoThreads) {
  std::vector<IssuerSettings> all;
  for (int i = 0; i < 4; ++i) {
    all.push_back({"https://slow" + std::to_string(i) + ".example", {"stateward"}, false, ""});
  }
  web.SetSlow(true);
  auto tokens = Open(all);
  std::atomic<int> sent_away{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      Result<VerifiedToken> verified = tokens->Verify(TokenOf(all[static_cast<size_t>(i) / 2].url));
      if (verified.status().detail().find("others wait") != std::string::npos) ++sent_away;
    });
  }
  const bool came = Eventually([&] { return sent_away == 6; });
  web.SetSlow(false);
  for (std::thread& thread : threads) thread.join();
  CHECK(came);
  LONGS_EQUAL(6, sent_away);
}

TEST(Issuers, TheTroubleOfOneIssuerIsItsOwn) {
  no_ca = "/nonexistent";
  auto tokens = Open({{"https://broken.example", {"stateward"}, false, no_ca},
                      {"https://issuer.example", {"stateward"}, false, ""}});
  CHECK(tokens->Verify(Token()).ok());
  // Mended without a restart.
  auto mended = Open({{"https://issuer.example", {"stateward"}, false, no_ca}});
  CHECK(mended->Verify(Token()).status().code() == Code::kUnavailable);
  no_ca.clear();
  CHECK(mended->Verify(Token()).status().code() == Code::kUnavailable);
  clock.Advance(10001);
  CHECK(mended->Verify(Token()).ok());
}

}  // namespace stateward
