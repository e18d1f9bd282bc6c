#include "cli/reference.h"

#include <algorithm>
#include <string_view>

#include "cli/command.h"
#include "cli/help_text.h"

namespace stateward {
namespace {

std::string_view NameOf(ColumnKind kind) {
  switch (kind) {
    case ColumnKind::kText:
      return "text";
    case ColumnKind::kNumber:
      return "number";
    case ColumnKind::kTime:
      return "time";
    case ColumnKind::kBytes:
      return "number of bytes";
    case ColumnKind::kFlag:
      return "true or false";
    case ColumnKind::kTexts:
      return "array of texts";
  }
  return "";
}

std::string_view NameOf(Right right) {
  switch (right) {
    case Right::kSee:
      return "see";
    case Right::kOutputs:
      return "outputs";
    case Right::kRead:
      return "read";
    case Right::kLock:
      return "lock";
    case Right::kWrite:
      return "write";
    case Right::kForce:
      return "force";
    case Right::kDelete:
      return "delete";
    case Right::kAdminister:
      return "administer";
  }
  return "";
}

std::string RightsText(Rights rights) {
  std::string out;
  for (int i = 0; i < 8; ++i) {
    const Right right = static_cast<Right>(i);
    if (rights.Has(right)) out += (out.empty() ? "" : ", ") + std::string(NameOf(right));
  }
  return out;
}

// A cell of a table: a "|" of its text would end it.
std::string Cell(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

void AddParams(const ParamTable& table, std::string* out) {
  for (const Param& row : table) {
    *out += "| `" + Cell(LabelOf(row)) + "` | " + Cell(TextOf(row)) + " |\n";
  }
}

std::string EntryOf(const CommandForm& form) {
  std::string out = "\n### " + std::string(form.name) + "\n\n`" + SynopsisOf(form) + "`\n\n" +
                    SentenceOf(form.help) + "\n";
  if (!form.about.empty()) out += std::string(form.about) + "\n";
  if (!form.params.empty() || form.asks()) {
    out += "\n| parameter | |\n|---|---|\n";
    AddParams(form.params, &out);
    if (form.asks()) {
      out += "| `" + LabelOf(kYesParam) + "` | " + std::string(kYesParam.help) + " |\n";
    }
  }
  if (form.operation != nullptr) {
    const Operation& operation = *form.operation;
    const bool post = operation.method == Method::kPost;
    out += "\nOver HTTP: `" + std::string(post ? "POST " : "GET ") + std::string(operation.path) +
           "`, right " + RightsText(operation.needs) + ".\n";
    if (!operation.columns.empty()) {
      out += operation.answer == Answer::kRow ? "\n| member of the object | | |\n|---|---|---|\n"
                                              : "\n| member of each row | | |\n|---|---|---|\n";
    }
    for (const Column& column : operation.columns) {
      out += "| `" + std::string(column.name) + "` | " + std::string(NameOf(column.kind)) + " | " +
             Cell(std::string(column.help)) + " |\n";
    }
  }
  return out + "\n```\n" + std::string(form.examples) + "```\n";
}

}  // namespace

std::string MarkdownReference() {
  std::string out = "\n## Options of every command\n\n| option | |\n|---|---|\n";
  AddParams(CommonParams(), &out);
  out += "\n## Commands\n";
  for (const CommandForm& form : CommandForms()) {
    if (!form.hidden()) out += EntryOf(form);
  }
  return out;
}

}  // namespace stateward
