// The fixture of operations that change a state: net/prod, and documents of one resource.
#ifndef STATEWARD_TESTS_UNIT_ADMIN_CHANGE_FIXTURE_H_
#define STATEWARD_TESTS_UNIT_ADMIN_CHANGE_FIXTURE_H_

#include <string>
#include <utility>
#include <vector>

#include "history/history.h"
#include "unit/admin/admin_fixture.h"

namespace stateward {

inline SecretBytes State(const std::string& serial, const std::string& value,
                         const std::string& lineage = "L") {
  return Text("{\n  \"version\": 4,\n  \"serial\" :" + serial + ",\"lineage\":\"" + lineage +
              R"(","resources":[{"mode":"managed","type":"t","name":"a","instances":[)"
              R"({"attributes":{"id":"1","x":")" +
              value + R"(","password":")" + value + R"("}}]}]})");
}

class ChangeFixture : public AdminFixture {
 public:
  static std::vector<Given> With(std::vector<Given> more) {
    more.insert(more.begin(), {"state", "net/prod"});
    return more;
  }

  // What an operation says: a column of its row, the holder, or the error.
  std::string Says(const char* name, std::vector<Given> given, const char* column = "result") {
    Result<Reply> reply = Run(name, root, With(std::move(given)));
    if (!reply.ok()) {
      return std::string(CodeName(reply.status().code())) + ": " + reply.status().detail();
    }
    if (!reply->holder.empty()) return "locked: " + reply->holder;
    LONGS_EQUAL(1, reply->rows.size());
    return TextIn(name, reply->rows[0], column);
  }

  bool Locked() { return locker.Look(StateId::Of(grant.key))->holder.has_value(); }

  // The versions that the grant's state has, by serial, the oldest first; with "!" when it is
  // pinned. Each must have the document State(serial, serial).
  std::string Story() {
    const History history(storage, *kms, *admin->StoreId());
    std::vector<uint64_t> numbers = *storage.Versions(Id());
    std::string text;
    for (auto n = numbers.rbegin(); n != numbers.rend(); ++n) {
      Result<Opened> opened = history.Open(Id(), *n);
      STRCMP_EQUAL("", opened.ok() ? "" : opened.status().detail().c_str());
      const VersionInfo& info = opened->info.version;
      if (info.kind == RecordKind::kNoOp) continue;
      const std::string serial = std::to_string(info.serial);
      const bool whole = ByteView(opened->document) == ByteView(State(serial, serial));
      text += (text.empty() ? "" : " ") + serial + (info.pinned ? "!" : "") + (whole ? "" : "?");
    }
    return text;
  }

  void ThreeApplies() {
    for (const char* serial : {"1", "2", "3"}) Is(Code::kOk, Put(State(serial, serial)));
  }
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_UNIT_ADMIN_CHANGE_FIXTURE_H_
