#include "admin/reply_json.h"

#include "state/lock_info.h"

namespace stateward {
namespace {

void WriteValue(const Value& value, JsonWriter* out) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    out->String(*text);
  } else if (const auto* number = std::get_if<uint64_t>(&value)) {
    out->Uint(*number);
  } else if (const auto* time_ms = std::get_if<int64_t>(&value)) {
    out->String(FormatTime(*time_ms));
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    out->Bool(*flag);
  } else if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    out->BeginArray();
    for (const std::string& one : *texts) out->String(one);
    out->EndArray();
  } else {
    out->Raw("null");
  }
}

}  // namespace

void WriteRow(const ColumnTable& columns, const Row& row, JsonWriter* out) {
  out->BeginObject();
  for (size_t i = 0; i < columns.size() && i < row.size(); ++i) {
    out->Key(columns[i].name);
    WriteValue(row[i], out);
  }
  out->EndObject();
}

}  // namespace stateward
