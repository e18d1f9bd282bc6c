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

// Who administers one project takes no place from the others, and changes nothing of theirs.
TEST(Maintenance, AnAdministratorOfAProjectHasAShare) {
  Caller ann = Of("net", Rights::All());
  ann.principal = "ann";
  for (int i = 0; i <= 18; ++i) {
    grant = GrantOf(root, {"", "net", "a" + std::to_string(i)});
    Is(Code::kOk, Put(State("1", "1")));
  }
  const auto freeze = [&](const std::string& name) {
    const std::string state = "net/" + name;
    Result<Reply> reply = Run("freeze", ann, {{"state", state.c_str()}, {"reason", "r"}});
    return reply.ok() ? Code::kOk : reply.status().code();
  };
  CHECK(Set("net/a0").ok());
  CHECK(freeze("a0") == Code::kConflict);
  for (int i = 1; i <= 16; ++i) CHECK(freeze("a" + std::to_string(i)) == Code::kOk);
  CHECK(freeze("a17") == Code::kConflict);
  CHECK(Set("net/a18").ok());
}

}  // namespace stateward
