// Operations over doubles: what the tests of src/admin share.
#ifndef STATEWARD_TESTS_UNIT_ADMIN_ADMIN_FIXTURE_H_
#define STATEWARD_TESTS_UNIT_ADMIN_ADMIN_FIXTURE_H_

#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "admin/find_state.h"
#include "admin/operation.h"
#include "unit/state/service_fixture.h"

namespace stateward {

class AdminFixture : public ServiceFixture {
 public:
  Caller root = LocalCaller("root");
  std::unique_ptr<AdminService> admin;

  void setup() override {
    ServiceFixture::setup();
    admin = std::make_unique<AdminService>(
        AdminParts{storage, locker, *kms, gate, *service, clock, rules, UploadRules()});
    grant = GrantOf(root, {"", "net", "prod"});
  }

  // Somebody who may do `rights` with the states of one project, and nothing with others.
  static Caller Of(const std::string& project, Rights rights) {
    Caller caller;
    caller.principal = "alice";
    caller.tenant = "";
    caller.rights = [project, rights](const StateKey& key) {
      return key.project == project ? rights : Rights();
    };
    return caller;
  }

  struct Given {
    const char* name;
    const char* value;
  };
  Result<Reply> Run(const char* name, const Caller& caller, const std::vector<Given>& given) {
    const Operation* operation = FindOperation(name);
    CHECK_TRUE(operation != nullptr);
    args_ = Args();
    for (const Given& one : given) {
      const Param* row = FindParam(operation->params, one.name);
      CHECK_TRUE(row != nullptr);
      const Status added = args_.Add(*row, one.value);
      if (!added.ok()) return added;
    }
    const Status whole = args_.Finish(operation->params);
    if (!whole.ok()) return whole;
    return RunOperation(*operation, *admin, caller, args_);
  }
  // The store is gone after so many of its calls, and is back afterwards. True: the operation came
  // to its end.
  bool BreakOff(int calls, const char* name, const std::vector<Given>& given) {
    storage.calls_left = calls;
    const bool whole = Run(name, root, given).ok();
    storage.calls_left = 0;
    storage.down = false;
    return whole;
  }
  // All rows, a streamed list's too.
  std::vector<Row> RowsOf(const char* name, const Caller& caller, const std::vector<Given>& given,
                          Verdict want = Verdict::kDone) {
    Result<Reply> reply = Run(name, caller, given);
    if (!reply.ok()) FAIL(reply.status().detail().c_str());
    std::vector<Row> rows = std::move(reply->rows);
    Verdict verdict = reply->verdict;
    if (reply->stream) {
      Result<Verdict> walked = reply->stream([&rows](const Row& row) {
        rows.push_back(row);
        return true;
      });
      if (!walked.ok()) FAIL(walked.status().detail().c_str());
      verdict = *walked;
    }
    CHECK_TRUE(want == verdict);
    for (const Row& row : rows) LONGS_EQUAL(FindOperation(name)->columns.size(), row.size());
    return rows;
  }
  // A value as people would write it; "-" for null.
  static std::string TextIn(const char* operation, const Row& row, const char* column) {
    const ColumnTable& columns = FindOperation(operation)->columns;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].name != column) continue;
      if (const auto* text = std::get_if<std::string>(&row[i])) return *text;
      if (const auto* number = std::get_if<uint64_t>(&row[i])) return std::to_string(*number);
      if (const auto* time = std::get_if<int64_t>(&row[i])) return std::to_string(*time);
      if (const auto* flag = std::get_if<bool>(&row[i])) return *flag ? "true" : "false";
      return "-";
    }
    FAIL(column);
    return "";
  }

 private:
  Args args_;  // a reply's stream needs it
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_UNIT_ADMIN_ADMIN_FIXTURE_H_
