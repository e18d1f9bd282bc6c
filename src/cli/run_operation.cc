#include "cli/run_operation.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <utility>

#include "admin/reply_json.h"
#include "auth/policy.h"
#include "base/json.h"
#include "base/shown_text.h"
#include "cli/local_admin.h"
#include "cli/progress.h"
#include "cli/text_table.h"
#include "stateward/clock.h"

namespace stateward {
namespace {

// Columns of the terminal `file`; 0: it is not a terminal.
size_t WidthOf(FILE* file) {
  winsize size{};
  const int fd = fileno(file);
  if (isatty(fd) != 1 || ioctl(fd, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

// All rows of a reply, in the place of which one may stand alone.
Result<Verdict> EachRow(Reply* reply, const RowFn& take) {
  if (reply->stream) return reply->stream(take);
  for (const Row& row : reply->rows) {
    if (!take(row)) break;
  }
  return reply->verdict;
}

bool IsWritten(FILE* file) { return ferror(file) == 0; }

// An array with a row a line; after an error its end is missing, so that no reader takes the part
// for the whole.
Result<Verdict> PrintJson(const CliContext& cli, const Operation& operation, Reply* reply) {
  const bool one = operation.answer == Answer::kRow;
  size_t rows = 0;
  if (!one) Say(cli.out, "[");
  Result<Verdict> verdict = EachRow(reply, [&](const Row& row) {
    JsonWriter json;
    WriteRow(operation.columns, row, &json);
    const char* before = one ? "" : rows == 0 ? "\n" : ",\n";
    ++rows;
    Say(cli.out, before + json.text());
    return IsWritten(cli.out);
  });
  if (verdict.ok()) Say(cli.out, one ? "\n" : rows == 0 ? "]\n" : "\n]\n");
  return verdict;
}

Result<Verdict> PrintText(const CliContext& cli, const Operation& operation, Reply* reply) {
  if (operation.answer == Answer::kRow) {
    return EachRow(reply, [&](const Row& row) {
      PrintRow(cli.out, operation.columns, row);
      return IsWritten(cli.out);
    });
  }
  TextTable table(cli.out, operation.columns, WidthOf(cli.out));
  Result<Verdict> verdict = EachRow(reply, [&](const Row& row) {
    table.Add(row);
    return IsWritten(cli.out);
  });
  table.Finish();
  return verdict;
}

Result<Verdict> PrintDocument(const CliContext& cli, const Reply& reply) {
  const SecretBytes& document = reply.document;
  (void)std::fwrite(document.data(), 1, document.size(), cli.out);
  return reply.verdict;
}

// A list that is printed while it is made: no row lands in the bar.
std::function<Result<Verdict>(const RowFn&)> Between(
    Progress* progress, std::function<Result<Verdict>(const RowFn&)> walk) {
  return [progress, walk = std::move(walk)](const RowFn& take) {
    Result<Verdict> end = walk([&](const Row& row) {
      progress->Clear();
      return take(row);
    });
    progress->Clear();
    return end;
  };
}

// Our lines around texts of others.
void SayNote(const CliContext& cli, std::string_view note) {
  while (!note.empty()) {
    const size_t end = note.find('\n');
    Say(cli.err, ShownText(note.substr(0, end)) + "\n");
    note.remove_prefix(end == note.npos ? note.size() : end + 1);
  }
}

// Of LockInfo JSON: what people ask, in an order of its own.
std::string HolderText(const std::string& holder) {
  Result<JsonObject> lock = ParseSmallJson(ByteView(holder));
  if (!lock.ok()) return holder;
  std::string text;
  for (const char* name : {"ID", "Operation", "Who", "Version", "Info"}) {
    const std::string value = lock->String(name).value_or("");
    if (!value.empty()) text += (text.empty() ? "" : ", ") + (name + (" " + value));
  }
  return text;
}

// What the policy says of plan locks, as the servers know it.
std::function<void(Grant*)> PolicyLocks(LocalAdmin& admin) {
  const std::string& path = admin.store().config.auth.policy_file;
  if (path.empty()) return nullptr;
  PolicyFile file(SystemClock(), admin.log(), path);
  return [policy = file.Current()](Grant* grant) {
    if (!grant->key.tenant.empty()) return;  // basic auth has the settings alone
    grant->plan_locks = policy->PlanLocksOf(grant->key.project, grant->key.name);
  };
}

}  // namespace

Status AskBefore(const CliContext& cli, const Operation& operation, const Args& args) {
  if (operation.asks.empty() || cli.yes || args.Flag("dry-run")) return Status();
  if (isatty(STDIN_FILENO) != 1) {
    return Status::InvalidArgument("there is no terminal to ask at: give --yes");
  }
  Say(cli.err, std::string(operation.asks) + " [y/N] ");
  const int first = std::getc(stdin);
  for (int c = first; c != '\n' && c != EOF;) c = std::getc(stdin);
  if (first == 'y' || first == 'Y') return Status();
  return {Code::kPermissionDenied, "nothing was done"};
}

int PrintReply(const CliContext& cli, const Operation& operation, Reply* reply) {
  if (!reply->holder.empty()) {
    return Fail(cli, {Code::kConflict, "the state is locked: " + HolderText(reply->holder)});
  }
  Result<Verdict> verdict = operation.answer == Answer::kDocument ? PrintDocument(cli, *reply)
                            : cli.json                            ? PrintJson(cli, operation, reply)
                                       : PrintText(cli, operation, reply);
  if (std::fflush(cli.out) != 0) {
    return Fail(cli, Status::Unavailable(FromErrno("the output failed", errno).detail()));
  }
  if (!IsWritten(cli.out)) return Fail(cli, Status::Unavailable("the output failed"));
  if (!verdict.ok()) return Fail(cli, verdict.status());
  if (!cli.quiet) SayNote(cli, reply->note);
  if (!reply->next.empty()) {
    Say(cli.err, "there is more: --cursor " + reply->next + "\n");
  }
  return *verdict == Verdict::kDone ? kExitOk : kExitFailed;
}

int RunOperationCommand(const CliContext& cli, const Operation& operation, const Args& args) {
  const Status agreed = AskBefore(cli, operation, args);
  if (!agreed.ok()) return Fail(cli, agreed);
  Result<std::unique_ptr<LocalAdmin>> admin = LocalAdmin::Open(cli);
  if (!admin.ok()) return Fail(cli, admin.status());
  Progress progress(cli.err, cli.ShowsProgress(), SystemClock());
  Caller caller = LocalCaller(cli.user);
  caller.progress = [&progress](uint64_t done, uint64_t total) { progress.Show(done, total); };
  if (operation.effect == Effect::kChangesLocked) caller.complete = PolicyLocks(**admin);
  Result<Reply> reply = RunOperation(operation, (*admin)->service(), caller, args);
  progress.Clear();
  if (!reply.ok()) return Fail(cli, reply.status());
  if (reply->stream) reply->stream = Between(&progress, std::move(reply->stream));
  return PrintReply(cli, operation, &*reply);
}

}  // namespace stateward
