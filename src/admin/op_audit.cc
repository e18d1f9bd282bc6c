// The audit trail: its newest lines, whether it is whole, and all of it in another form.
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "admin/audit_files.h"
#include "admin/find_state.h"
#include "admin/run.h"
#include "audit/chain_end.h"
#include "audit/ocsf.h"
#include "audit/trail_verifier.h"
#include "base/counted.h"
#include "base/hex.h"
#include "base/state_name.h"
#include "stateward/disk.h"

namespace stateward {
namespace {

// A document is one piece of memory; who has more exports file by file.
constexpr size_t kMaxExport = size_t{512} * 1024 * 1024;

Value NumberOrNull(const std::optional<uint64_t>& number) {
  return number ? Value(*number) : Value();
}

Row EventRow(const AuditLine& line) {
  const auto text = [&line](const char* member) {
    return TextOrNull(line.json.String(member).value_or(""));
  };
  return {line.head.sequence,
          text("time"),
          line.kind,
          text("principal"),
          text("action"),
          text("state"),
          text("result"),
          NumberOrNull(line.json.Uint("status")),
          NumberOrNull(line.json.Uint("version_after")),
          text("address"),
          text("rule"),
          text("reason"),
          text("request_id")};
}

// "CHAIN:SEQUENCE", as the metrics have it.
Result<KnownHead> ParseHead(const std::string& text) {
  KnownHead known;
  const size_t colon = text.find(':');
  known.head.chain = text.substr(0, colon);
  if (colon != std::string::npos) {
    known.head.sequence = ParseUint64(std::string_view(text).substr(colon + 1)).value_or(0);
  }
  if (!IsHex(known.head.chain, 16) || known.head.sequence == 0) {
    return Status::InvalidArgument(
        "head must be CHAIN:SEQUENCE, as stateward_audit_sequence has them");
  }
  known.has_mac = false;
  known.where = "--head";
  return known;
}

// Each record names a line that was there before it.
Status KnowRecords(const Call& call, TrailVerifier* verifier) {
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  std::vector<StateId> states;
  STATEWARD_RETURN_IF_ERROR(call.service.storage().List([&states](const StateId& id) {
    states.push_back(id);
    return true;
  }));
  uint64_t done = 0;
  for (const StateId& id : states) {
    Result<std::vector<uint64_t>> numbers = call.service.storage().Versions(id);
    if (!numbers.ok()) return std::move(numbers).status();
    for (uint64_t n : *numbers) {
      Result<SealedInfo> info = history->Info(id, n);
      if (!info.ok()) continue;  // pruned meanwhile, or damaged: `check` names those
      const std::string state = StateText(info->key);
      verifier->Know(
          {info->version.audit, true, "record " + std::to_string(n) + " of " + state, state});
    }
    call.caller.Report(++done, states.size());
  }
  return Status();
}

Row FaultRow(const TrailFault& fault) {
  return {std::string("fault"), TextOrNull(fault.file),
          fault.line == 0 ? Value() : Value(fault.line), fault.what, Value()};
}

Row OpenRow(const OpenIntent& intent) {
  std::string what = intent.principal + " began to " + intent.action + " " + intent.state + " at " +
                     intent.time + ", and no line says how it ended; ";
  what += intent.took_effect.empty() ? "no record of the store is of it"
                                     : "it became " + intent.took_effect;
  return {std::string("open"), TextOrNull(intent.file), intent.line, std::move(what), intent.state};
}

std::string Summary(const TrailReport& report) {
  std::string text;
  for (const auto& [id, chain] : report.chains) {
    text += "chain " + id + ": lines " + std::to_string(chain.first) + " to " +
            std::to_string(chain.last) + "; ";
  }
  return text + Counted(report.known_checked, "known line is", "known lines are") + " there, " +
         Counted(report.known_before, "is", "are") + " of files that were not given, " +
         Counted(report.fault_count, "fault");
}

}  // namespace

Result<Reply> RunAuditTail(const Call& call) {
  Result<SecretBytes> key = TrailKey(call.service);
  if (!key.ok()) return std::move(key).status();
  Result<std::vector<std::string>> files = TrailFiles(call.service, *key, call.args.All("file"));
  if (!files.ok()) return std::move(files).status();
  const uint64_t wanted = call.args.Number("lines");
  Reply reply;
  // Backwards by files: mostly the newest has them all.
  std::deque<Row> rows;
  for (auto file = files->rbegin(); file != files->rend() && rows.size() < wanted; ++file) {
    std::deque<Row> of_file;
    const uint64_t room = wanted - rows.size();
    STATEWARD_RETURN_IF_ERROR(
        EachTrailLine({*file}, nullptr, [&](const std::string&, std::string_view text, bool) {
          Result<AuditLine> line = ReadAuditLine(*key, text);
          if (!line.ok()) return true;  // `audit verify` names it
          of_file.push_back(EventRow(*line));
          if (of_file.size() > room) of_file.pop_front();
          return true;
        }));
    rows.insert(rows.begin(), of_file.begin(), of_file.end());
  }
  reply.rows.assign(rows.begin(), rows.end());
  return reply;
}

Result<Reply> RunAuditVerify(const Call& call) {
  Result<SecretBytes> key = TrailKey(call.service);
  if (!key.ok()) return std::move(key).status();
  Result<std::vector<std::string>> files = TrailFiles(call.service, *key, call.args.All("file"));
  if (!files.ok()) return std::move(files).status();
  TrailVerifier verifier(std::move(*key));
  for (const std::string& text : call.args.All("head")) {
    Result<KnownHead> known = ParseHead(text);
    if (!known.ok()) return std::move(known).status();
    verifier.Know(std::move(*known));
  }
  const bool named = call.args.Has("file");
  const std::string end_path = ChainEndPath(call.service.audit_file(), "");
  const std::optional<ChainEnd> end = named ? std::nullopt : PeekChainEnd(PosixDisk(), end_path);
  if (end) verifier.Know({end->head, true, end_path, ""});
  STATEWARD_RETURN_IF_ERROR(KnowRecords(call, &verifier));
  STATEWARD_RETURN_IF_ERROR(EachTrailLine(
      *files, [&verifier](const std::string& file) { verifier.BeginFile(file); },
      [&verifier](const std::string&, std::string_view text, bool whole) {
        verifier.Line(text, whole);
        return true;
      }));
  const TrailReport report = verifier.Finish();
  Reply reply;
  for (const TrailFault& fault : report.faults) reply.rows.push_back(FaultRow(fault));
  for (const OpenIntent& intent : report.open) reply.rows.push_back(OpenRow(intent));
  reply.verdict = report.fault_count == 0 ? Verdict::kDone : Verdict::kFoundWrong;
  reply.note = Summary(report);
  return reply;
}

Result<Reply> RunAuditExport(const Call& call) {
  Result<SecretBytes> key = TrailKey(call.service);
  if (!key.ok()) return std::move(key).status();
  Result<std::vector<std::string>> files = TrailFiles(call.service, *key, call.args.All("file"));
  if (!files.ok()) return std::move(files).status();
  const bool ocsf = call.args.Text("format") == "ocsf";
  Reply reply;
  bool too_large = false;
  STATEWARD_RETURN_IF_ERROR(
      EachTrailLine(*files, nullptr, [&](const std::string&, std::string_view text, bool) {
        Result<AuditLine> line = ReadAuditLine(*key, text);
        if (!line.ok()) return true;  // what is no line of the trail goes nowhere
        const std::string out = ocsf ? ToOcsf(*line, text) : std::string(text);
        if (out.empty()) return true;
        too_large = reply.document.size() + out.size() > kMaxExport;
        if (too_large) return false;
        reply.document.insert(reply.document.end(), out.begin(), out.end());
        reply.document.push_back('\n');
        return true;
      }));
  if (too_large) {
    return Status(Code::kTooLarge, "more than 512 MiB: export the files one by one, with --file");
  }
  return reply;
}

}  // namespace stateward
