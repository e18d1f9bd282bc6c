#include <set>
#include <string>

#include "admin/operation.h"
#include "unit/admin/admin_fixture.h"

namespace stateward {

TEST_GROUP_BASE(Operations, AdminFixture){
    std::string In(const Row& row, const char* column){return TextIn("versions", row, column);
}
std::string InShow(const char* column) {
  return TextIn("show", RowsOf("show", root, {{"state", "net/prod"}})[0], column);
}
std::string ErrorOf(const char* name, const Caller& caller, const std::vector<Given>& given) {
  Result<Reply> reply = Run(name, caller, given);
  if (reply.ok()) return "ok";
  return std::string(CodeName(reply.status().code())) + ": " + reply.status().detail();
}
}
;

TEST(Operations, TheTableIsWhole) {
  std::set<std::string_view> names;
  for (const Operation& row : Operations()) {
    CHECK(names.insert(row.name).second);
    CHECK(row.run != nullptr);
    CHECK_FALSE(row.help.empty());
    CHECK_FALSE(row.examples.empty());
    CHECK(row.needs != Rights());
    CHECK_EQUAL(row.answer == Answer::kDocument, row.columns.empty());
    // What changes something is never done by a GET.
    CHECK_EQUAL(row.effect == Effect::kReads, row.method == Method::kGet);
    CHECK(row.method == Method::kGet || row.method == Method::kPost);
    CHECK_EQUAL(row.scope == Scope::kState, FindParam(row.params, "state") != nullptr);
    std::set<std::string_view> params;
    for (const Param& param : row.params) CHECK(params.insert(param.name).second);
  }
}

TEST(Operations, VersionsAreOneLineOfTime) {
  Is(Code::kOk, Put(Doc(1)));
  clock.Advance(1000);
  Is(Code::kConflict, Put(Doc(1, "other")));
  clock.Advance(1000);
  Is(Code::kOk, Put(Doc(2)));
  clock.Advance(1000);
  Is(Code::kOk, Delete());
  const std::vector<Row> rows = RowsOf("versions", root, {{"state", "net/prod"}});
  LONGS_EQUAL(4, rows.size());
  STRCMP_EQUAL("delete", In(rows[0], "event").c_str());
  STRCMP_EQUAL("3", In(rows[0], "version").c_str());
  STRCMP_EQUAL("write", In(rows[1], "event").c_str());
  STRCMP_EQUAL("2", In(rows[1], "serial").c_str());
  STRCMP_EQUAL("admin:root", In(rows[1], "principal").c_str());
  STRCMP_EQUAL("upload", In(rows[2], "event").c_str());
  STRCMP_EQUAL("-", In(rows[2], "version").c_str());
  STRCMP_EQUAL("other", In(rows[2], "lineage").c_str());
  STRCMP_EQUAL("1", In(rows[3], "version").c_str());
}

TEST(Operations, VersionsCountWhatChanged) {
  const auto with = [](uint64_t serial, const std::string& resources) {
    const std::string text = R"({"version":4,"serial":)" + std::to_string(serial) +
                             R"(,"lineage":"L","resources":[)" + resources + "]}";
    return SecretBytes(text.begin(), text.end());
  };
  const auto one = [](const std::string& name, const std::string& ami) {
    return R"({"mode":"managed","type":"t","name":")" + name +
           R"(","provider":"p","instances":[{"attributes":{"ami":")" + ami + R"("}}]})";
  };
  const auto counts = [this](const Row& row) {
    return In(row, "resources") + " +" + In(row, "added") + " ~" + In(row, "changed") + " -" +
           In(row, "removed");
  };
  Is(Code::kOk, Put(with(1, one("a", "1"))));
  clock.Advance(1000);
  Is(Code::kConflict, Put(with(1, one("a", "9"))));
  clock.Advance(1000);
  Is(Code::kOk, Put(with(2, one("a", "2") + "," + one("b", "1"))));
  clock.Advance(1000);
  Is(Code::kOk, Put(with(3, one("b", "1"))));
  const std::vector<Given> given = {{"state", "net/prod"}, {"changes", "true"}};
  std::vector<Row> rows = RowsOf("versions", root, given);
  LONGS_EQUAL(4, rows.size());
  STRCMP_EQUAL("1 +0 ~0 -1", counts(rows[0]).c_str());
  STRCMP_EQUAL("2 +1 ~1 -0", counts(rows[1]).c_str());
  STRCMP_EQUAL("upload", In(rows[2], "event").c_str());
  STRCMP_EQUAL("- +- ~- --", counts(rows[2]).c_str());
  STRCMP_EQUAL("1 +1 ~0 -0", counts(rows[3]).c_str());
  // What was counted once is not counted again, and never taken for anything else.
  LONGS_EQUAL(1, storage.caches.size());
  const int gets = storage.gets;
  STRCMP_EQUAL("2 +1 ~1 -0", counts(RowsOf("versions", root, given)[1]).c_str());
  // The fronts alone, and the newest one twice to find the state.
  LONGS_EQUAL(5, storage.gets - gets);
  LONGS_EQUAL(1, storage.cache_writes);
  // Nothing is computed unasked.
  STRCMP_EQUAL("- +- ~- --", counts(RowsOf("versions", root, {{"state", "net/prod"}})[0]).c_str());
  // After a deletion everything is new.
  clock.Advance(1000);
  Is(Code::kOk, Delete());
  Is(Code::kOk, Put(with(5, one("b", "1"))));
  rows = RowsOf("versions", root, given);
  STRCMP_EQUAL("1 +1 ~0 -0", counts(rows[0]).c_str());
  // What cannot be read hides no other row.
  storage.DamageFront(Id(), 2);
  rows = RowsOf("versions", root, given);
  STRCMP_EQUAL("1 +- ~- --", counts(rows[2]).c_str());
  STRCMP_EQUAL("damaged", In(rows[3], "event").c_str());
}

TEST(Operations, GetGivesTheExactBytes) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Put(Doc(2)));
  Result<Reply> newest = Run("get", root, {{"state", "net/prod"}});
  CHECK(newest.ok());
  CHECK(newest->document == Doc(2));
  Result<Reply> first = Run("get", root, {{"state", "net/prod"}, {"version", "1"}});
  CHECK(first.ok());
  CHECK(first->document == Doc(1));
  CHECK(newest->tag != first->tag);
  STRCMP_EQUAL("not_found: net/prod has no version 3",
               ErrorOf("get", root, {{"state", "net/prod"}, {"version", "3"}}).c_str());
  Is(Code::kOk, Delete());
  STRCMP_CONTAINS("not_found: this version is a deletion",
                  ErrorOf("get", root, {{"state", "net/prod"}}).c_str());
}

TEST(Operations, ShowTellsOfTheNewestAndTheLock) {
  Is(Code::kOk, Put(Doc(7)));
  Is(Code::kOk, Lock("lock-1"));
  STRCMP_EQUAL("ok", InShow("condition").c_str());
  STRCMP_EQUAL("7", InShow("serial").c_str());
  STRCMP_EQUAL("1", InShow("versions").c_str());
  STRCMP_EQUAL("0", InShow("uploads").c_str());
  STRCMP_EQUAL("lock-1", InShow("lock").c_str());
  STRCMP_EQUAL("admin:root", InShow("lock_principal").c_str());
  Is(Code::kOk, Unlock("lock-1"));
  STRCMP_EQUAL("-", InShow("lock").c_str());
  Is(Code::kOk, Delete());
  STRCMP_EQUAL("deleted", InShow("condition").c_str());
}

TEST(Operations, DamageAndAnUnknownKeyAreToldApart) {
  Is(Code::kOk, Put(Doc(1)));
  storage.DamageFront(Id(), 1);
  STRCMP_EQUAL("damaged", InShow("condition").c_str());
  storage.DamageFront(Id(), 1);
  storage.DamageAt(Id(), 1, 8);  // in the key's id
  STRCMP_EQUAL("unknown key", InShow("condition").c_str());
}

TEST(Operations, HiddenAndAbsentAreTheSame) {
  Is(Code::kOk, Put(Doc(1)));
  const Caller other = Of("app", Rights::All());
  storage.gets = 0;
  STRCMP_EQUAL("not_found: there is no state net/prod",
               ErrorOf("show", other, {{"state", "net/prod"}}).c_str());
  LONGS_EQUAL(0, storage.gets);
  STRCMP_EQUAL("not_found: there is no state net/none",
               ErrorOf("show", other, {{"state", "net/none"}}).c_str());
  STRCMP_EQUAL("not_found: there is no state net/none",
               ErrorOf("show", root, {{"state", "net/none"}}).c_str());
  LONGS_EQUAL(0, storage.gets);
  // A hidden one that is damaged does not show, either.
  storage.DamageFront(Id(), 1);
  STRCMP_EQUAL("not_found: there is no state net/prod",
               ErrorOf("show", other, {{"state", "net/prod"}}).c_str());
}

TEST(Operations, WhoSeesAStateIsToldWhatHeMayNot) {
  Is(Code::kOk, Put(Doc(1)));
  const Caller sees = Of("net", {Right::kSee});
  CHECK(Run("show", sees, {{"state", "net/prod"}}).ok());
  STRCMP_CONTAINS("permission_denied: ", ErrorOf("get", sees, {{"state", "net/prod"}}).c_str());
}

TEST(Operations, ANamespaceIsFoundByItsName) {
  grant = As("one", "net", "prod");
  const std::string one = ShortNamespace(grant.key.tenant);
  Is(Code::kOk, Put(Doc(1)));
  STRCMP_EQUAL(one.c_str(), InShow("namespace").c_str());
  grant = As("two", "net", "prod");
  Is(Code::kOk, Put(Doc(2)));
  const std::string error = ErrorOf("show", root, {{"state", "net/prod"}});
  STRCMP_CONTAINS("conflict: several namespaces have a state net/prod", error.c_str());
  STRCMP_CONTAINS(one.c_str(), error.c_str());
  Result<Reply> got = Run("get", root, {{"state", "net/prod"}, {"namespace", one.c_str()}});
  CHECK(got.ok());
  CHECK(got->document == Doc(1));
  STRCMP_CONTAINS("not_found",
                  ErrorOf("get", root, {{"state", "net/prod"}, {"namespace", "x"}}).c_str());
}

TEST(Operations, AnOutageIsNoAbsence) {
  Is(Code::kOk, Put(Doc(1)));
  storage.down = true;
  STRCMP_CONTAINS("unavailable", ErrorOf("show", root, {{"state", "net/none"}}).c_str());
  STRCMP_CONTAINS("unavailable",
                  ErrorOf("show", Of("app", Rights::All()), {{"state", "net/prod"}}).c_str());
}

}  // namespace stateward
