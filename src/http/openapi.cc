#include "http/openapi.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "http/api_args.h"
#include "http/api_routes.h"

namespace stateward {
namespace {

constexpr uint64_t kMostExact = (uint64_t{1} << 53) - 1;  // of a JSON number that all readers take

// As docs/policy.md calls them.
constexpr std::pair<Right, const char*> kRights[] = {
    {Right::kSee, "see"},       {Right::kOutputs, "outputs"},      {Right::kRead, "read"},
    {Right::kLock, "lock"},     {Right::kWrite, "write"},          {Right::kForce, "force"},
    {Right::kDelete, "delete"}, {Right::kAdminister, "administer"}};

// "uploads list" is uploads-list.
std::string IdOf(const Operation& operation) {
  std::string id(operation.name);
  for (char& c : id) {
    if (c == ' ') c = '-';
  }
  return id;
}

std::string Sentence(std::string_view text) {
  return text.empty() || text.back() == '.' ? std::string(text) : std::string(text) + ".";
}

void TypeOf(std::string_view type, bool nullable, JsonWriter* w) {
  w->Key("type");
  if (nullable) {
    w->BeginArray().String(type).String("null").EndArray();
  } else {
    w->String(type);
  }
}

// The members of a schema for one value of a parameter.
void ParamMembers(const Param& row, JsonWriter* w) {
  // Two paths of one state are told apart by more than names that are refused.
  constexpr char kPart[] = "(?!\\.{1,2}(/|$))[A-Za-z0-9._~-]{1,128}";
  switch (row.kind) {
    case ParamKind::kFlag:
      TypeOf("boolean", false, w);
      break;
    case ParamKind::kNumber:
      TypeOf("integer", false, w);
      w->Key("minimum").Uint(row.min).Key("maximum").Uint(std::min(row.max, kMostExact));
      break;
    case ParamKind::kText:
      TypeOf("string", false, w);
      // Limits are of bytes: a character has up to four.
      w->Key("minLength").Uint(row.min);
      if (row.min == row.max) {  // an id
        w->Key("maxLength").Uint(row.max).Key("pattern").String("^[0-9a-f]*$");
        break;
      }
      w->Key("maxLength").Uint(std::min(row.max, kMaxParamText) / 4);
      w->Key("pattern").String("^[^\\u0000-\\u001f\\u007f]*$");
      break;
    case ParamKind::kAge:
      TypeOf("string", false, w);
      w->Key("pattern").String("^[0-9]{1,6}[smhdw]$");
      break;
    case ParamKind::kTime:
      TypeOf("string", false, w);
      w->Key("pattern").String(
          "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5]"
          "[0-9]Z$");
      break;
    case ParamKind::kChoice:
      TypeOf("string", false, w);
      w->Key("enum").BeginArray();
      for (std::string_view choice : ChoicesOf(row)) w->String(choice);
      w->EndArray();
      break;
    case ParamKind::kState:
      TypeOf("string", false, w);
      w->Key("pattern").String(std::string("^") + kPart + "/" + kPart + "$");
      break;
    case ParamKind::kGlob:
      TypeOf("string", false, w);
      w->Key("pattern").String("^[A-Za-z0-9._~*-]{1,128}(/[A-Za-z0-9._~*-]{1,128})?$");
      break;
    case ParamKind::kFile:
    case ParamKind::kEnvFile:
      break;
  }
  if (row.fallback.empty()) return;
  w->Key("default");
  const bool raw = row.kind == ParamKind::kFlag || row.kind == ParamKind::kNumber;
  raw ? w->Raw(row.fallback) : w->String(row.fallback);
}

void ParamSchema(const Param& row, JsonWriter* w) {
  w->BeginObject();
  if (IsMany(row)) {
    TypeOf("array", false, w);
    w->Key("items").BeginObject();
    ParamMembers(row, w);
    w->EndObject();
    if (IsRequired(row)) w->Key("minItems").Uint(1);
  } else {
    ParamMembers(row, w);
  }
  w->EndObject();
}

void Parameter(std::string_view name, std::string_view in, bool required, std::string_view help,
               JsonWriter* w) {
  w->BeginObject().Key("name").String(name).Key("in").String(in);
  w->Key("required").Bool(required).Key("description").String(Sentence(help)).Key("schema");
}

void PathParameters(const Operation& operation, JsonWriter* w) {
  for (const std::string& name : PathParams(operation.path)) {
    const Param* row = FindParam(operation.params, name);
    if (row == nullptr) continue;
    if (row->kind != ParamKind::kState) {
      Parameter(name, "path", true, row->help, w);
      ParamSchema(*row, w);
      w->EndObject();
      continue;
    }
    for (const char* part : {"project", "name"}) {
      Parameter(part, "path", true, std::string("the state's ") + part, w);
      w->BeginObject();
      TypeOf("string", false, w);
      w->Key("pattern").String("^(?!\\.{1,2}$)[A-Za-z0-9._~-]{1,128}$").EndObject().EndObject();
    }
  }
}

// The lengths are said next to the pattern, since readers of patterns differ.
struct HeaderForm {
  std::string_view name;
  std::string_view pattern;  // "" = any text is taken; what does not match is 409
  uint64_t min_bytes;
  uint64_t max_bytes;
};

void HeaderParameter(const Param& row, const HeaderForm& form, JsonWriter* w) {
  Parameter(form.name, "header", false, row.help, w);
  w->BeginObject();
  TypeOf("string", false, w);
  if (!form.pattern.empty()) {
    w->Key("pattern").String(form.pattern);
    w->Key("minLength").Uint(form.min_bytes).Key("maxLength").Uint(form.max_bytes);
  }
  w->EndObject().EndObject();
}

void HeaderParameters(const Operation& operation, JsonWriter* w) {
  if (const Param* row = FindParam(operation.params, kIfVersionParam)) {
    HeaderParameter(*row, {"If-Match", "", 0, 0}, w);
  }
  if (const Param* row = FindParam(operation.params, kChangeIdParam)) {
    HeaderParameter(*row, {"Idempotency-Key", "^[A-Za-z0-9-]+$", row->min, row->max}, w);
  }
}

void Parameters(const Operation& operation, JsonWriter* w) {
  w->Key("parameters").BeginArray();
  PathParameters(operation, w);
  if (operation.method == Method::kGet) {
    for (const Param& row : operation.params) {
      if (!IsInQueryOrBody(operation, row)) continue;
      Parameter(row.name, "query", IsRequired(row), row.help, w);
      ParamSchema(row, w);
      w->EndObject();
    }
  } else {
    HeaderParameters(operation, w);
  }
  w->EndArray();
}

void RequestBody(const Operation& operation, JsonWriter* w) {
  if (operation.method == Method::kGet) return;
  std::vector<std::string_view> required;
  w->Key("requestBody").BeginObject().Key("content").BeginObject().Key("application/json");
  w->BeginObject().Key("schema").BeginObject();
  TypeOf("object", false, w);
  w->Key("additionalProperties").Bool(false).Key("properties").BeginObject();
  for (const Param& row : operation.params) {
    if (!IsInQueryOrBody(operation, row)) continue;
    if (IsRequired(row)) required.push_back(row.name);
    w->Key(row.name);
    ParamSchema(row, w);
  }
  w->EndObject();
  if (!required.empty()) {
    w->Key("required").BeginArray();
    for (std::string_view name : required) w->String(name);
    w->EndArray();
  }
  w->EndObject().EndObject().EndObject();
  w->Key("required").Bool(!required.empty()).EndObject();
}

void ColumnSchema(const Column& column, JsonWriter* w) {
  w->Key(column.name).BeginObject();
  switch (column.kind) {
    case ColumnKind::kText:
    case ColumnKind::kTime:
      TypeOf("string", true, w);
      break;
    case ColumnKind::kNumber:
    case ColumnKind::kBytes:
      TypeOf("integer", true, w);
      break;
    case ColumnKind::kFlag:
      TypeOf("boolean", true, w);
      break;
    case ColumnKind::kTexts:
      TypeOf("array", true, w);
      w->Key("items").BeginObject();
      TypeOf("string", false, w);
      w->EndObject();
      break;
  }
  w->Key("description").String(Sentence(column.help)).EndObject();
}

void RowSchema(const ColumnTable& columns, JsonWriter* w) {
  w->BeginObject();
  TypeOf("object", false, w);
  w->Key("properties").BeginObject();
  for (const Column& column : columns) ColumnSchema(column, w);
  w->EndObject().Key("required").BeginArray();
  for (const Column& column : columns) w->String(column.name);
  w->EndArray().EndObject();
}

void AnswerSchema(const Operation& operation, JsonWriter* w) {
  if (operation.answer == Answer::kRow) {
    RowSchema(operation.columns, w);
  } else if (operation.answer == Answer::kRows) {
    w->BeginObject();
    TypeOf("array", false, w);
    w->Key("items");
    RowSchema(operation.columns, w);
    w->EndObject();
  } else {
    w->BeginObject().EndObject();  // a state's document, as its client wrote it
  }
}

void Responses(const Operation& operation, JsonWriter* w) {
  w->Key("responses").BeginObject();
  w->Key("200").BeginObject().Key("description").String("Done.").Key("content").BeginObject();
  w->Key("application/json").BeginObject().Key("schema");
  AnswerSchema(operation, w);
  w->EndObject().EndObject().EndObject();
  if (operation.method == Method::kGet) {
    w->Key("304").BeginObject().Key("description");
    w->String("It is as If-None-Match says.").EndObject();
  }
  w->Key("default").BeginObject().Key("$ref").String("#/components/responses/Problem").EndObject();
  w->EndObject();
}

void OperationMembers(const Operation& operation, JsonWriter* w) {
  w->Key(operation.method == Method::kGet ? "get" : "post").BeginObject();
  w->Key("operationId").String(IdOf(operation)).Key("summary").String(Sentence(operation.help));
  if (!operation.about.empty()) w->Key("description").String(operation.about);
  w->Key("x-rights").BeginArray();
  for (const auto& [right, name] : kRights) {
    if (operation.needs.Has(right)) w->String(name);
  }
  w->EndArray();
  Parameters(operation, w);
  RequestBody(operation, w);
  Responses(operation, w);
  w->EndObject();
}

// Each path once, with its methods in the table's order.
void Paths(const OperationTable& operations, JsonWriter* w) {
  w->Key("paths").BeginObject();
  for (size_t i = 0; i < operations.size(); ++i) {
    bool seen = false;
    for (size_t k = 0; k < i; ++k) seen = seen || operations[k].path == operations[i].path;
    if (seen) continue;
    w->Key(operations[i].path).BeginObject();
    for (const Operation& row : operations) {
      if (row.path == operations[i].path) OperationMembers(row, w);
    }
    w->EndObject();
  }
  w->EndObject();
}

void Components(JsonWriter* w) {
  constexpr std::pair<const char*, const char*> kProblem[] = {
      {"type", "urn:stateward:problem: and the kind."},
      {"title", "What: the same for all problems of a kind."},
      {"detail", "Why."},
      {"action", "What to do."},
      {"request_id", "As in X-Request-Id and the log."}};
  w->Key("components").BeginObject().Key("securitySchemes").BeginObject();
  w->Key("basic").BeginObject().Key("type").String("http").Key("scheme").String("basic");
  w->EndObject().Key("bearer").BeginObject().Key("type").String("http").Key("scheme");
  w->String("bearer").EndObject().EndObject();
  w->Key("responses").BeginObject().Key("Problem").BeginObject().Key("description");
  w->String("Refused or failed (RFC 9457).").Key("content").BeginObject();
  w->Key("application/problem+json").BeginObject().Key("schema").BeginObject();
  TypeOf("object", false, w);
  w->Key("properties").BeginObject();
  for (const auto& [name, help] : kProblem) {
    w->Key(name).BeginObject();
    TypeOf("string", false, w);
    w->Key("description").String(help).EndObject();
  }
  w->Key("status").BeginObject();
  TypeOf("integer", false, w);
  w->EndObject().Key("lock").BeginObject();
  TypeOf("object", false, w);
  w->Key("description").String("With 423: the LockInfo of who holds the lock.").EndObject();
  w->EndObject().Key("required").BeginArray();
  for (const auto& [name, help] : kProblem) w->String(name);
  w->String("status").EndArray().EndObject().EndObject().EndObject().EndObject().EndObject();
  w->EndObject();
}

}  // namespace

std::string OpenApiText(const OperationTable& operations) {
  JsonWriter w;
  w.BeginObject().Key("openapi").String("3.1.0").Key("info").BeginObject();
  w.Key("title").String("Stateward").Key("version").String("1").Key("description");
  w.String("States, their history and their locks: what statewardctl does, over HTTPS.");
  w.EndObject().Key("security").BeginArray();
  for (const char* scheme : {"basic", "bearer"}) {
    w.BeginObject().Key(scheme).BeginArray().EndArray().EndObject();
  }
  w.EndArray();
  Paths(operations, &w);
  Components(&w);
  w.EndObject();
  return std::move(w).Take();
}

}  // namespace stateward
