#include "auth/basic.h"

#include <CppUTest/TestHarness.h>

#include <string>

#include "doubles/basic_names.h"

namespace stateward {

TEST_GROUP(BasicAuth) {
  BasicAuthenticator basic{NameForTests};
  Result<Grant> Ask(const char* secret, const char* project, const char* name) {
    return basic.Authorize({"basic", SecretString(secret)}, {"", project, name}, Verb::kRead);
  }
};

// What the original wrote (tests/data/seed/manifest.json).
TEST(BasicAuth, LegacyIdsAreTheOriginals) {
  STRCMP_EQUAL("3db09e98ba51cd0e852cb5f389ff1e79edcdd1be4cac1eeee9d70a9b226b467f",
               Ask("s3cret-one", "network", "prod")->legacy_ids[0].c_str());
  STRCMP_EQUAL("0d2cf0a51cfa39a34c78c9873dc448eb38d3931ad5b349ba21863b0715d85a2d",
               Ask("s3cret-two", "a-b", "c")->legacy_ids[0].c_str());
  STRCMP_EQUAL("24aafc9234aed53584a0f7f4647b0dc7655fd04bc754e19ca9fd1799e6eac00b",
               Ask("p\xc3\xa4ssw\xc3\xb6rd", "app", "dev.eu-1")->legacy_ids[0].c_str());
}

TEST(BasicAuth, EachSecretIsANamespace) {
  Result<Grant> one = Ask("one", "p", "n");
  Result<Grant> two = Ask("two", "p", "n");
  CHECK(one.ok() && two.ok());
  CHECK(one->key.tenant != two->key.tenant);
  CHECK(one->principal != two->principal);
  CHECK(one->principal.find("one") == std::string::npos);
  CHECK(Ask("one", "q", "m")->key.tenant == one->key.tenant);
}

// Until its key is there nobody can be named: only reading goes on.
TEST(BasicAuth, WhoCannotBeNamedOnlyReads) {
  BasicAuthenticator nameless{[](const std::string&) -> Result<std::string> {
    return Status::Unavailable("the key service does not answer");
  }};
  for (Verb verb : {Verb::kRead, Verb::kOutputs, Verb::kWrite, Verb::kDelete, Verb::kLock,
                    Verb::kUnlock, Verb::kForceUnlock}) {
    Result<Grant> grant = nameless.Authorize({"basic", SecretString("s")}, {"", "p", "n"}, verb);
    if (verb == Verb::kRead || verb == Verb::kOutputs) {
      STRCMP_EQUAL("basic", grant->principal.c_str());
    } else {
      CHECK(grant.status().code() == Code::kUnavailable);
    }
  }
}

TEST(BasicAuth, RefusesNoSecretAndHugeOnes) {
  CHECK(Ask("", "p", "n").status().code() == Code::kUnauthenticated);
  CHECK(Ask(std::string(4097, 'x').c_str(), "p", "n").status().code() == Code::kUnauthenticated);
}

// Under the user name `basic` it would open an empty namespace, and a state look absent.
TEST(BasicAuth, ATokenIsLeftToThoseWhoKnowTokens) {
  const std::string tokens[] = {"swt_" + std::string(64, 'a'), "swt_x",
                                "eyJhbGciOiJub25lIn0.e30.c2ln"};
  const auto takes = [this](const std::string& secret) {
    return basic.Takes({"basic", SecretString(secret)});
  };
  for (const std::string& token : tokens) CHECK(takes(token));  // as with the original
  basic.LeaveTokens();
  for (const std::string& token : tokens) CHECK_FALSE(takes(token));
  CHECK(takes("s3cret-one"));
  CHECK_FALSE(basic.Takes({"ci", SecretString("s3cret-one")}));
}

TEST(BasicAuth, StateIdIsInjectiveWhereTheOriginalsIsNot) {
  StateKey a{"", "a-b", "c"};
  StateKey b{"", "a", "b-c"};
  CHECK(LegacyId(a) == LegacyId(b));
  CHECK_FALSE(StateId::Of(a) == StateId::Of(b));
  CHECK_FALSE(StateId::Of({"t", "p", "n"}) == StateId::Of({"", "tp", "n"}));
}

TEST(BasicAuth, Ambiguity) {
  CHECK_FALSE(IsLegacyAmbiguous({"", "network", "prod"}));
  CHECK(IsLegacyAmbiguous({"", "a-b", "c"}));
  CHECK(IsLegacyAmbiguous({"", "a", "b-c"}));
  CHECK_FALSE(IsLegacyAmbiguous({"", "-a", "b"}));  // "" is no name
  CHECK(IsLegacyAmbiguous({"", "a", "-b"}));        // "a-" and "b"
}

}  // namespace stateward
