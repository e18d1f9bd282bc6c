#include <string>
#include <vector>

#include "state/key_notice.h"
#include "unit/admin/admin_fixture.h"

namespace stateward {

TEST_GROUP_BASE(AdminStore,
                AdminFixture){std::string In(const char* name, const Row& row,
                                             const char* column){return TextIn(name, row, column);
}
static std::vector<std::string> Texts(const Row& row, size_t column) {
  return std::get<std::vector<std::string>>(row[column]);
}
}
;

TEST(AdminStore, UsageIsOfEachProject) {
  for (const char* name : {"a", "b"}) {
    grant = GrantOf(root, {"", "net", name});
    Is(Code::kOk, Put(Doc(1)));
    Is(Code::kOk, Put(Doc(2)));
  }
  grant = GrantOf(root, {"", "app", "c"});
  Is(Code::kOk, Put(Doc(5)));
  Is(Code::kConflict, Put(Doc(4)));
  const std::vector<Row> rows = RowsOf("du", root, {});
  LONGS_EQUAL(2, rows.size());
  STRCMP_EQUAL("app", In("du", rows[0], "project").c_str());
  STRCMP_EQUAL("1", In("du", rows[0], "states").c_str());
  STRCMP_EQUAL("1", In("du", rows[0], "uploads").c_str());
  STRCMP_EQUAL("net", In("du", rows[1], "project").c_str());
  STRCMP_EQUAL("2", In("du", rows[1], "states").c_str());
  STRCMP_EQUAL("4", In("du", rows[1], "versions").c_str());
  STRCMP_EQUAL(std::to_string(2 * Doc(2).size()).c_str(), In("du", rows[1], "documents").c_str());
  STRCMP_EQUAL("-", In("du", rows[1], "bytes").c_str());  // this storage does not say
}

TEST(AdminStore, UsageCountsNothingOfOthers) {
  grant = GrantOf(root, {"", "net", "a"});
  Is(Code::kOk, Put(Doc(1)));
  grant = GrantOf(root, {"team", "other", "b"});
  Is(Code::kOk, Put(Doc(5)));
  Is(Code::kConflict, Put(Doc(4)));
  Caller alice = Of("net", Rights::All());
  alice.on_store = {Right::kSee};
  const std::vector<Row> rows = RowsOf("du", alice, {});
  LONGS_EQUAL(1, rows.size());
  STRCMP_EQUAL("net", In("du", rows[0], "project").c_str());
  LONGS_EQUAL(2, RowsOf("du", root, {}).size());
}

// A digest tells who has it whether a guess of what is in the document is right.
TEST(AdminStore, DigestsAreForThoseWhoMayRead) {
  grant = GrantOf(root, {"", "net", "a"});
  Is(Code::kOk, Put(Doc(1)));
  const Caller sees = Of("net", {Right::kSee, Right::kOutputs});
  const Caller reads = Of("net", {Right::kSee, Right::kRead});
  for (const char* name : {"show", "versions"}) {
    STRCMP_EQUAL("-", In(name, RowsOf(name, sees, {{"state", "net/a"}})[0], "sha256").c_str());
    LONGS_EQUAL(64, In(name, RowsOf(name, reads, {{"state", "net/a"}})[0], "sha256").size());
  }
}

TEST(AdminStore, StatusNamesTheWorkersThatRun) {
  KeyNotice notice;
  notice.server = "host:1";
  notice.version = "7.0";
  notice.time_ms = clock.NowMs();
  notice.seals = std::string(32, 'a');
  notice.opens = {notice.seals};
  CHECK(storage.Publish(std::string(32, '1'), FormatKeyNotice(notice)).ok());
  notice.server = "host:2";
  notice.time_ms -= kNoticeCountsMs + 1;
  CHECK(storage.Publish(std::string(32, '2'), FormatKeyNotice(notice)).ok());
  const std::vector<Row> rows = RowsOf("status", root, {});
  STRCMP_CONTAINS("host:1, version 7.0, seals with aaaa", Texts(rows[0], 8).at(0).c_str());
  LONGS_EQUAL(1, Texts(rows[0], 9).size());
  STRCMP_CONTAINS("host:2", Texts(rows[0], 9).at(0).c_str());
  CHECK(Texts(rows[0], 10).empty());
}

TEST(AdminStore, StatusSaysThatTheKeyIsAnothers) {
  KmsSettings settings;
  settings.key = SecretString("BQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
  const std::unique_ptr<Kms> other = std::move(*OpenKms(settings));
  admin = std::make_unique<AdminService>(
      AdminParts{storage, locker, *other, gate, *service, clock, rules, UploadRules()});
  const std::vector<Row> rows = RowsOf("status", root, {}, Verdict::kFoundWrong);
  LONGS_EQUAL(1, Texts(rows[0], 10).size());
  STRCMP_CONTAINS("key: the store's secret: ", Texts(rows[0], 10).at(0).c_str());
}

TEST(AdminStore, TheStoreAsAWholeIsForThoseWhoMayHaveIt) {
  const Caller alice = Of("net", Rights::All());
  for (const char* name : {"du", "status"}) {
    Result<Reply> reply = Run(name, alice, {});
    CHECK_FALSE(reply.ok());
    CHECK(reply.status().code() == Code::kPermissionDenied);
  }
}

}  // namespace stateward
