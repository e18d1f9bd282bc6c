// An operation: something that people do with states or with the store, besides the client
// protocol. One row of the table in operations.cc is a command of statewardctl, a route under
// /api/v1, its help, its man page, its path of the OpenAPI file.
//
// To add one: a function `Result<Reply> Name(const Call&)` in an op_*.cc, declared in run.h, and a
// row in operations.cc. Nothing else.
#ifndef STATEWARD_ADMIN_OPERATION_H_
#define STATEWARD_ADMIN_OPERATION_H_

#include <cstdint>
#include <functional>
#include <string_view>

#include "admin/admin_service.h"
#include "admin/caller.h"
#include "admin/params.h"
#include "admin/reply.h"
#include "base/table_view.h"
#include "stateward/http.h"
#include "stateward/result.h"
#include "stateward/rights.h"

namespace stateward {

enum class Effect : uint8_t {
  kReads,
  kChanges,        // audited, and never done by a GET
  kChangesLocked,  // the same, under the state's lock
};

// What its rights are asked of.
enum class Scope : uint8_t {
  kState,   // of the state that its parameter `state` names: FindState
  kStates,  // of each state that it comes to; it leaves out those that the caller may not see
  kStore,   // of the store as a whole (Caller::on_store): RunOperation
};

enum class Answer : uint8_t {
  kRow,       // exactly one row: a JSON object
  kRows,      // a JSON array
  kDocument,  // bytes
};

struct Operation;

// One run of an operation. What it names outlives it, and the reply's stream.
struct Call {
  AdminService& service;
  const Caller& caller;
  const Args& args;
  const Operation& operation;
  AuditEvent& audit;  // for its line in the audit trail: what it meets goes in
  // Null where nothing is announced: see Announce.
  std::function<Status()> announce{};
};

// To be called once it is known that the caller may do it, and before anything is changed: the
// trail gets its line about what will be done, and caller.audit names it. What is refused before
// is not announced, so that nobody without the rights makes the trail sync. FindState and uploads
// do it; of Scope::kStore it is done already. OK too where it was done before, and of a read.
// kUnavailable: nothing may be changed.
inline Status Announce(const Call& call) { return call.announce ? call.announce() : Status(); }

struct Operation {
  std::string_view name;  // the command: "versions", "uploads list"
  Method method = Method::kGet;
  std::string_view path;  // "/api/v1/states/{project}/{name}/versions"
  Scope scope = Scope::kState;
  Rights needs;
  Effect effect = Effect::kReads;
  Answer answer = Answer::kRows;
  ParamTable params;
  ColumnTable columns;
  std::string_view help;      // one line, without its full stop
  std::string_view about;     // more, in sentences; "" = none
  std::string_view examples;  // command lines, each with its end of line
  // What a person at a terminal must agree to before it is run, as a question; "" = it does not
  // ask. Without a terminal --yes must be given.
  std::string_view asks;
  Result<Reply> (*run)(const Call&) = nullptr;
};
using OperationTable = TableView<Operation>;

// Runs it for a caller. Errors with a text that the caller may read: kInvalidArgument (wrong
// parameters), kNotFound (no such state or version, or one that the caller may not see: the same
// text), kPermissionDenied, kConflict, kGone, kTooLarge. kUnavailable, kOverloaded, kCorruption,
// kInternal: the text is for the log and for people at the store itself.
Result<Reply> RunOperation(const Operation& operation, AdminService& service, const Caller& caller,
                           const Args& args);

// The rows of operations.cc.
OperationTable Operations();
// nullptr: there is none of that name.
const Operation* FindOperation(std::string_view name);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_OPERATION_H_
