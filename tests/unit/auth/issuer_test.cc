#include "auth/issuer.h"

#include <CppUTest/TestHarness.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>

#include "auth/key_fetch.h"
#include "base/random.h"
#include "doubles/eventually.h"
#include "doubles/fake_clock.h"
#include "doubles/fake_web.h"

namespace stateward {
namespace {

constexpr int64_t kMinute = 60 * 1000;
constexpr const char* kUrl = "https://issuer.example";
constexpr const char* kDiscovery = "https://issuer.example/.well-known/openid-configuration";
constexpr const char* kKeys = "https://keys.example/jwks";
// The key of RFC 8037, A.2, and the base points of P-256 and P-384: points that everybody knows.
constexpr const char* kEd =
    R"({"kty":"OKP","crv":"Ed25519","kid":"one","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
constexpr const char* kEc =
    R"({"kty":"EC","crv":"P-256","kid":"two","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",)"
    R"("y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"})";

std::string Set(const std::string& keys) { return R"({"keys":[)" + keys + "]}"; }

}  // namespace

TEST_GROUP(IssuerTsan) {
  FakeWeb web;
  FakeClock clock;
  Log log{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal};
  std::string folder;

  void setup() override {
    char name[] = "/tmp/stateward-issuer-XXXXXX";
    folder = mkdtemp(name);
    Publish(Set(kEd));
  }
  void teardown() override {
    std::string command = "rm -rf " + folder;
    CHECK_EQUAL(0, system(command.c_str()));
  }
  void Publish(const std::string& set) {
    web.Put(kDiscovery,
            R"({"issuer":"https://issuer.example","jwks_uri":")" + std::string(kKeys) + R"("})");
    web.Put(kKeys, set);
  }
  std::unique_ptr<Issuer> Open() {
    IssuerOptions options{kUrl, folder, 5};
    // A round syncs files, and some threads here wait for a page as long as the test likes.
    options.wait_ms = 10 * kMinute;
    return std::make_unique<Issuer>(options, web.Client(), PosixDisk(), clock, log);
  }
  std::string CacheFile() {
    std::string out;
    std::vector<std::string> names;
    Result<Fd> dir = OpenDirAt(PosixDisk(), -100, folder);
    PosixDisk().ListDir(dir->get(), &names);
    for (const std::string& name : names) {
      if (name.size() == 39) out = folder + "/" + name;
    }
    return out;
  }
  // Why the issuer is unavailable while it publishes this.
  std::string Refusal() {
    Result<Issuer::Keys> keys = Open()->KeysFor("one");
    CHECK(!keys.ok());
    CHECK(keys.status().code() == Code::kUnavailable);
    return keys.status().detail();
  }
};

TEST(IssuerTsan, AsksOnceForManyRequests) {
  auto issuer = Open();
  for (int i = 0; i < 100; ++i) CHECK((*issuer->KeysFor("one"))->HasKid("one"));
  CHECK_EQUAL(1, web.Asked(kKeys));
}

// The storm of the test catalogue: tokens that name random keys.
TEST(IssuerTsan, RandomKidsAskOnceAMinute) {
  auto issuer = Open();
  CHECK(issuer->KeysFor("one").ok());
  for (int minute = 1; minute <= 3; ++minute) {
    for (int i = 0; i < 1000; ++i) {
      CHECK_FALSE((*issuer->KeysFor(RandomHex(8)))->HasKid("x"));
      CHECK(issuer->KeysFor("one").ok());
    }
    CHECK_EQUAL(minute, web.Asked(kKeys));
    clock.Advance(kMinute + 1);
  }
}

TEST(IssuerTsan, WorkersOfAHostAskTogetherOnceAMinute) {
  auto a = Open();
  CHECK(a->KeysFor("one").ok());
  auto b = Open();
  CHECK(b->KeysFor("one").ok());
  CHECK_EQUAL(1, web.Asked(kKeys));
  clock.Advance(kMinute + 1);
  Publish(Set(std::string(kEd) + "," + kEc));
  CHECK((*a->KeysFor("two"))->HasKid("two"));
  CHECK((*b->KeysFor("two"))->HasKid("two"));
  CHECK((*b->KeysFor("three"))->HasKid("two"));
  CHECK_EQUAL(2, web.Asked(kKeys));
}

TEST(IssuerTsan, AKidThatIsNotThereIsNotAskedForAgain) {
  auto issuer = Open();
  CHECK(issuer->KeysFor("one").ok());
  clock.Advance(kMinute + 1);
  CHECK(issuer->KeysFor("two").ok());
  CHECK_EQUAL(2, web.Asked(kKeys));
  clock.Advance(2 * kMinute);
  CHECK(issuer->KeysFor("two").ok());
  CHECK_EQUAL(2, web.Asked(kKeys));
  Publish(Set(kEc));
  clock.Advance(4 * kMinute);
  CHECK((*issuer->KeysFor("two"))->HasKid("two"));
  CHECK_FALSE(issuer->Current()->HasKid("one"));  // what the issuer withdraws is gone
}

TEST(IssuerTsan, RefreshesInTheBackground) {
  auto issuer = Open();
  CHECK(issuer->KeysFor("one").ok());
  Publish(Set(kEc));
  clock.Advance(7 * kMinute);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK_EQUAL(1, web.Asked(kKeys));
  clock.Advance(6 * kMinute);  // 13 in all: more than 10 and 20 %
  CHECK(Eventually([&] { return issuer->Current()->HasKid("two"); }));
}

TEST(IssuerTsan, KeysOutliveAnOutageOfADay) {
  auto issuer = Open();
  CHECK(issuer->KeysFor("one").ok());
  web.Clear();
  clock.Advance(24 * 60 * kMinute - 2000);
  CHECK(issuer->KeysFor("one").ok());
  // Another key cannot be looked for: nothing is known of such a token.
  CHECK(issuer->KeysFor("two").status().code() == Code::kUnavailable);
  CHECK(Open()->KeysFor("one").ok());  // a worker that starts now
  clock.Advance(4000);
  CHECK(issuer->KeysFor("one").status().code() == Code::kUnavailable);
  CHECK(Open()->KeysFor("one").status().code() == Code::kUnavailable);
  Publish(Set(kEd));
  clock.Advance(kMinute);
  CHECK(issuer->KeysFor("one").ok());
}

TEST(IssuerTsan, StartsWhileTheIssuerIsDown) {
  web.Clear();
  auto issuer = Open();
  CHECK(issuer->KeysFor("one").status().code() == Code::kUnavailable);
  int asked = web.Asked(kDiscovery);
  for (int i = 0; i < 100; ++i) CHECK_FALSE(issuer->KeysFor("one").ok());
  CHECK_EQUAL(asked, web.Asked(kDiscovery));
  Publish(Set(kEd));
  clock.Advance(6000);
  CHECK(issuer->KeysFor("one").ok());
}

TEST(IssuerTsan, ANewWorkerKnowsTheKeysOfTheLastOne) {
  CHECK(Open()->KeysFor("one").ok());
  web.Clear();
  CHECK((*Open()->KeysFor("one"))->HasKid("one"));
}

TEST(IssuerTsan, AFileThatOthersMayWriteIsNotBelieved) {
  CHECK(Open()->KeysFor("one").ok());
  web.Clear();
  clock.Advance(6000);
  std::string file = CacheFile();
  CHECK_EQUAL(0, chmod(file.c_str(), 0666));
  CHECK(Open()->KeysFor("one").status().code() == Code::kUnavailable);
  clock.Advance(6000);
  CHECK_EQUAL(0, rename(file.c_str(), (folder + "/elsewhere").c_str()));
  CHECK_EQUAL(0, chmod((folder + "/elsewhere").c_str(), 0600));
  CHECK_EQUAL(0, symlink((folder + "/elsewhere").c_str(), file.c_str()));
  CHECK(Open()->KeysFor("one").status().code() == Code::kUnavailable);
}

TEST(IssuerTsan, DamagedFilesAreNotBelieved) {
  CHECK(Open()->KeysFor("one").ok());
  std::string file = CacheFile();
  std::string text;
  {
    std::ifstream in(file);
    text.assign(std::istreambuf_iterator<char>(in), {});
  }
  web.Clear();
  std::string other = text;
  other.replace(other.find("issuer.example"), 6, "tissue");
  std::string ahead = text;
  ahead.replace(ahead.find("\"1764"), 5, "\"9764");
  for (const std::string& bad :
       {std::string(), other, ahead, text.substr(0, 30), text.substr(0, text.size() - 3),
        text + std::string(300000, ' ')}) {
    clock.Advance(6000);
    std::ofstream(file, std::ios::trunc) << bad;
    CHECK(Open()->KeysFor("one").status().code() == Code::kUnavailable);
  }
}

TEST(IssuerTsan, SaysWhyThereAreNoKeys) {
  auto expect = [&](const char* why) {
    std::string got = Refusal();
    STRCMP_EQUAL(why, got.c_str());
    clock.Advance(6000);
  };
  web.Put(kDiscovery, "", 302);
  expect("issuer: discovery: status 302");
  web.Put(kDiscovery, "[]");
  expect("issuer: discovery: not a JSON object");
  web.Put(kDiscovery, R"({"issuer":"https://issuer.example/","jwks_uri":"https://x/"})");
  expect("issuer: discovery: issuer is another one");
  web.Put(kDiscovery, R"({"issuer":"https://issuer.example"})");
  expect("issuer: discovery: no jwks_uri");
  for (const char* place :
       {"http://keys.example/", "http://127.0.0.1/", "file:///etc/passwd", "/x"}) {
    web.Put(kDiscovery,
            R"({"issuer":"https://issuer.example","jwks_uri":")" + std::string(place) + R"("})");
    expect("issuer: discovery: jwks_uri is not https");
  }
  Publish(Set(kEd));
  web.Put(kKeys, "", 301);
  expect("issuer: key set: status 301");
  web.Put(kKeys, "{}");
  expect("issuer: key set: no list of keys");
  web.Put(kKeys, Set(R"({"kty":"oct"})"));
  expect("issuer: key set: no usable key; key 1: kty or crv is not taken");
  std::string many = kEd;
  for (int i = 0; i < 100; ++i) many += std::string(",") + kEd;
  web.Put(kKeys, Set(many));
  expect("issuer: key set: 101 keys, more than 100");
  web.Put(kKeys, Set(kEd) + std::string(256 * 1024, ' '));
  expect("issuer: key set: http: the answer is too long");
}

TEST(IssuerTsan, ASlowIssuerHoldsTwoThreadsAtMost) {
  web.SetSlow(true);
  auto issuer = Open();
  std::atomic<int> served{0};
  std::atomic<int> sent_away{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      const Result<Issuer::Keys> keys = issuer->KeysFor("one");
      if (keys.ok()) ++served;
      if (!keys.ok() && keys.status().detail() == "issuer: others wait for keys") ++sent_away;
    });
  }
  const bool came = Eventually([&] { return sent_away == 4; });
  web.SetSlow(false);
  for (std::thread& thread : threads) thread.join();
  CHECK(came);
  LONGS_EQUAL(2, served);
  CHECK(issuer->KeysFor("one").ok());
  CHECK_EQUAL(1, web.Asked(kKeys));
}

TEST(IssuerTsan, EndsWhileItAsks) {
  web.SetSlow(true);
  auto issuer = Open();
  CHECK(Eventually([&] { return web.Asked(kDiscovery) == 1; }));
}

TEST(IssuerTsan, Urls) {
  for (const char* good :
       {"https://a", "https://a.example/x/y", "https://a:8443/", "http://127.0.0.1",
        "http://127.0.0.2", "http://localhost:8200/v1/identity/oidc", "http://[::1]:1/x"}) {
    CHECK_TEXT(CheckIssuerUrl(good).ok(), good);
  }
  for (const char* bad :
       {"", "a", "ftp://a", "https://", "https:///x", "http://a", "http://127.0.0.1.evil.example",
        "http://localhost.evil.example/", "http://127.0.0.1@evil.example", "https://u@a",
        "https://a/?q", "https://a#f", "https://a b", "https://a|b", "http://[::1", "HTTPS://a"}) {
    CHECK_TEXT(!CheckIssuerUrl(bad).ok(), bad);
  }
}

}  // namespace stateward
