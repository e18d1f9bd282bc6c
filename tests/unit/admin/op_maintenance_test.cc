// maintenance set, maintenance end, freeze over doubles.
#include <string>
#include <vector>

#include "unit/admin/change_fixture.h"

namespace stateward {

TEST_GROUP_BASE(Maintenance, ChangeFixture){Status Set(const char* glob){
    Result<Reply> reply = Run("maintenance set", root,
                              {{"glob", glob}, {"until", "2100-01-01T00:00:00Z"}, {"reason", "r"}});
return reply.ok() ? Status() : reply.status();
}  // namespace stateward
// "pattern freeze" or "pattern maintenance", a line each.
std::string Listed() {
  std::string all;
  for (const Row& row : RowsOf("maintenance list", root, {})) {
    const bool freeze = TextIn("maintenance list", row, "until") == "-";
    all += TextIn("maintenance list", row, "pattern") + (freeze ? " freeze\n" : " maintenance\n");
  }
  return all;
}
}
;

TEST(Maintenance, AFreezeLastsUntilItIsEnded) {
  Is(Code::kOk, Put(State("1", "1")));
  STRCMP_EQUAL("-", Says("freeze", {{"reason", "ask ann"}}, "until").c_str());
  const Status refused = Set("net/prod");
  CHECK(refused.code() == Code::kConflict);
  STRCMP_CONTAINS("net/prod is frozen by admin:root: ask ann", refused.detail().c_str());
  STRCMP_EQUAL("net/prod freeze\n", Listed().c_str());
  // A wider one lies over it, and frozen again it says so.
  CHECK(Set("net/*").ok());
  STRCMP_EQUAL("-", Says("freeze", {{"reason", "ask bob"}}, "until").c_str());
  STRCMP_EQUAL("net/* maintenance\nnet/prod freeze\n", Listed().c_str());
  CHECK(Run("maintenance end", root, {{"glob", "net/prod"}}).ok());
  CHECK(Set("net/prod").ok());
  CHECK(Set("net/prod").ok());
  STRCMP_EQUAL("-", Says("freeze", {{"reason", "worse"}}, "until").c_str());
  STRCMP_EQUAL("net/* maintenance\nnet/prod freeze\n", Listed().c_str());
}

}  // namespace stateward
