#include "moving/web.h"

#include <CppUTest/TestHarness.h>

#include <string>
#include <utility>

namespace stateward {

TEST_GROUP(Web){};

TEST(Web, AnAddressIsShownWithoutItsKeys) {
  const std::pair<std::string, std::string> cases[] = {
      {"https://host:8443/state/a?api_key=S&b=c", "https://host:8443/state/a"},
      {"https://user:S@host/state/a", "https://host/state/a"},
      {"https://host/state/a#S", "https://host/state/a"},
      {"https://user:S@host?S", "https://host"},
  };
  for (const auto& [url, shown] : cases) {
    STRCMP_EQUAL((shown + " (the rest is not shown)").c_str(), ShownAddress(url).c_str());
  }
  for (const char* as_it_is :
       {"https://host/state/a@b", "old-states/net?x", "folder/a#b.tfstate"}) {
    STRCMP_EQUAL(as_it_is, ShownAddress(as_it_is).c_str());
  }
}

}  // namespace stateward
