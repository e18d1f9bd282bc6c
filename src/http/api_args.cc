#include "http/api_args.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/shown_text.h"

namespace stateward {
namespace {

// nullptr: a request cannot give it.
const Param* FindGiven(const Operation& operation, std::string_view name) {
  const Param* row = FindParam(operation.params, name);
  return row != nullptr && IsInQueryOrBody(operation, *row) ? row : nullptr;
}

Status NoSuchParam(const std::string& name) {
  // A name of anybody's goes into an answer, the log and the audit trail: a short one, with escapes
  // in place of what a terminal obeys.
  return Status::InvalidArgument("there is no parameter \"" + ShownText(name.substr(0, 64)) +
                                 "\" here");
}

Status AddQuery(const Operation& operation, const Target& target, Args* args) {
  for (const auto& [name, value] : target.query) {
    const Param* row = FindGiven(operation, name);
    if (row == nullptr) return NoSuchParam(name);
    STATEWARD_RETURN_IF_ERROR(args->Add(*row, value));
  }
  return Status();
}

// A member's value as the command line would have it; nullopt: of another type.
std::optional<std::vector<std::string>> TextsOf(const JsonObject& json, const Param& row) {
  const std::string name(row.name);
  if (IsMany(row)) return json.Strings(name);
  std::optional<std::string> text = json.String(name);
  if (row.kind == ParamKind::kFlag) {
    const std::optional<bool> flag = json.Bool(name);
    text = flag ? std::optional<std::string>(*flag ? "true" : "false") : std::nullopt;
  } else if (row.kind == ParamKind::kNumber) {
    text = json.Number(name);
    // A whole number with a fraction of zeros is one, too, by JSON Schema.
    const size_t dot = text ? text->find('.') : std::string::npos;
    if (dot != std::string::npos && dot > 0 && text->find_last_not_of('0') == dot) {
      text->resize(dot);
    }
  }
  if (!text) return std::nullopt;
  return std::vector<std::string>{*std::move(text)};
}

Status AddBody(const Operation& operation, const Request& request, ByteView body, Args* args) {
  if (body.empty()) return Status();
  // Forms of other sites are sent without being asked for; this type is not among theirs.
  const std::string type = request.content_type.substr(0, request.content_type.find(';'));
  if (type != "application/json") {
    return Status::InvalidArgument("the body must have the type application/json");
  }
  Result<JsonObject> json = ParseSmallJson(body);
  if (!json.ok()) return Status::InvalidArgument("the body must be a JSON object");
  for (const std::string& name : json->Names()) {
    const Param* row = FindGiven(operation, name);
    if (row == nullptr) return NoSuchParam(name);
    const std::optional<std::vector<std::string>> texts = TextsOf(*json, *row);
    if (!texts) return Status::InvalidArgument(name + " is of another type");
    for (const std::string& text : *texts) STATEWARD_RETURN_IF_ERROR(args->Add(*row, text));
  }
  return Status();
}

Status AddHeader(const Operation& operation, std::string_view param, const char* header,
                 std::string_view value, Args* args) {
  if (value.empty()) return Status();
  const Param* row = FindParam(operation.params, param);
  if (row == nullptr) {
    return Status::InvalidArgument("this operation takes no " + std::string(header));
  }
  return args->Add(*row, value);
}

// "41" in quotes is version 41, * is any: "" then. A weak tag, a list or any other text is that of
// no version, so the condition does not hold.
Result<std::string> NumberOfTag(const std::string& tag) {
  if (tag.empty() || tag == "*") return std::string();
  const bool quoted = tag.size() > 2 && tag.front() == '"' && tag.back() == '"';
  const std::string digits = quoted ? tag.substr(1, tag.size() - 2) : "";
  if (ParseUint64(digits)) return digits;
  return Status(Code::kConflict, "If-Match is no version's number in quotes: nothing was done");
}

Status AddHeaders(const Operation& operation, const Request& request, Args* args) {
  if (operation.effect == Effect::kReads) return Status();
  Result<std::string> version = NumberOfTag(request.if_match);
  if (!version.ok()) return std::move(version).status();
  STATEWARD_RETURN_IF_ERROR(AddHeader(operation, kIfVersionParam, "If-Match", *version, args));
  return AddHeader(operation, kChangeIdParam, "Idempotency-Key", request.idempotency_key, args);
}

}  // namespace

bool IsInQueryOrBody(const Operation& operation, const Param& row) {
  if (row.reach == ParamReach::kCommandLine) return false;
  if (row.kind == ParamKind::kFile || row.kind == ParamKind::kEnvFile) return false;
  if (row.name == kIfVersionParam || row.name == kChangeIdParam) return false;
  const std::vector<std::string> in_path = PathParams(operation.path);
  return std::find(in_path.begin(), in_path.end(), row.name) == in_path.end();
}

Result<Args> ReadApiArgs(const ApiMatch& match, const Target& target, const Request& request,
                         ByteView body) {
  const Operation& operation = *match.operation;
  Args args;
  for (const auto& [name, value] : match.values) {
    const Param* row = FindParam(operation.params, name);
    if (row == nullptr)
      return Status::Internal("a path names a parameter that is not in the table");
    STATEWARD_RETURN_IF_ERROR(args.Add(*row, value));
  }
  if (operation.method == Method::kGet) {
    STATEWARD_RETURN_IF_ERROR(AddQuery(operation, target, &args));
  } else {
    if (!target.query.empty()) return NoSuchParam(target.query.front().first);
    STATEWARD_RETURN_IF_ERROR(AddBody(operation, request, body, &args));
  }
  STATEWARD_RETURN_IF_ERROR(AddHeaders(operation, request, &args));
  STATEWARD_RETURN_IF_ERROR(args.Finish(operation.params));
  return args;
}

}  // namespace stateward
