#include "cli/text_table.h"

#include <algorithm>

#include "admin/reply_json.h"
#include "base/json_writer.h"
#include "base/shown_text.h"
#include "state/lock_info.h"

namespace stateward {
namespace {

constexpr char kNull[] = "-";

constexpr char kGap[] = "  ";
constexpr size_t kGapWidth = sizeof kGap - 1;
// A column is not made narrower than this; a table that still does not fit is wider than the
// terminal.
constexpr size_t kLeast = 8;

bool IsNumber(const Column& column) {
  return column.kind == ColumnKind::kNumber || column.kind == ColumnKind::kBytes;
}

// Numbers and times are not cut: a part of one is a lie.
bool MayBeCut(const Column& column) {
  return column.kind == ColumnKind::kText || column.kind == ColumnKind::kTexts;
}

std::string Joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + ShownText(text);
  return out;
}

}  // namespace

std::string ShownBytes(uint64_t bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; value >= 1023.95 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  char text[32];
  (void)std::snprintf(text, sizeof text, "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string ShownValue(const Column& column, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return ShownText(*text);
  if (const auto* number = std::get_if<uint64_t>(&value)) {
    return column.kind == ColumnKind::kBytes ? ShownBytes(*number) : std::to_string(*number);
  }
  if (const auto* time_ms = std::get_if<int64_t>(&value)) return FormatTime(*time_ms);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "yes" : "no";
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    return texts->empty() ? kNull : Joined(*texts);
  }
  return kNull;
}

void PrintJsonRows(FILE* to, const ColumnTable& columns, const std::vector<Row>& rows) {
  std::string text = "[";
  for (const Row& row : rows) {
    JsonWriter json;
    WriteRow(columns, row, &json);
    text += (text.size() == 1 ? "\n" : ",\n") + json.text();
  }
  text += rows.empty() ? "]\n" : "\n]\n";
  (void)std::fwrite(text.data(), 1, text.size(), to);
}

void PrintRow(FILE* to, const ColumnTable& columns, const Row& row) {
  size_t widest = 0;
  for (const Column& column : columns) widest = std::max(widest, column.title.size());
  for (size_t i = 0; i < columns.size() && i < row.size(); ++i) {
    std::string line(columns[i].title);
    line.append(widest - line.size(), ' ');
    line += kGap + ShownValue(columns[i], row[i]) + "\n";
    (void)std::fputs(line.c_str(), to);
  }
}

TextTable::TextTable(FILE* to, const ColumnTable& columns, size_t width) : to_(to), width_(width) {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].shown == ColumnShown::kJsonOnly) continue;
    shown_.push_back(columns[i]);
    places_.push_back(i);
  }
}

void TextTable::Add(const Row& row) {
  ++rows_;
  Line line;
  for (size_t i = 0; i < shown_.size() && places_[i] < row.size(); ++i) {
    line.push_back(ShownValue(shown_[i], row[places_[i]]));
  }
  if (!widths_.empty()) return Print(line);
  waiting_.push_back(std::move(line));
  if (waiting_.size() == kMeasured) Measure();
}

void TextTable::DropEmpty() {
  const auto at = [](auto* list, size_t i) {
    return list->begin() + static_cast<std::ptrdiff_t>(i);
  };
  for (size_t i = shown_.size(); i-- > 0;) {
    const auto empty = [i](const Line& line) { return line[i] == kNull; };
    const bool drop = shown_[i].shown == ColumnShown::kFilled &&
                      std::all_of(waiting_.begin(), waiting_.end(), empty);
    if (!drop) continue;
    shown_.erase(at(&shown_, i));
    places_.erase(at(&places_, i));
    for (Line& line : waiting_) line.erase(at(&line, i));
  }
}

void TextTable::Finish() {
  if (widths_.empty() && rows_ > 0) Measure();
}

// As wide as their widest cells; then the widest that may be cut gives way until all fits.
void TextTable::Measure() {
  DropEmpty();
  Line head;
  std::vector<bool> cut;
  for (const Column& column : shown_) {
    head.emplace_back(column.title);
    cut.push_back(MayBeCut(column));
  }
  waiting_.insert(waiting_.begin(), head);
  widths_.assign(head.size(), 0);
  for (const Line& line : waiting_) {
    for (size_t i = 0; i < line.size(); ++i) {
      widths_[i] = std::max(widths_[i], ShownWidth(line[i]));
    }
  }
  size_t sum = kGapWidth * (widths_.size() - 1);
  for (size_t width : widths_) sum += width;
  while (width_ > 0 && sum > width_) {
    size_t widest = widths_.size();
    for (size_t i = 0; i < widths_.size(); ++i) {
      const bool wider = widest == widths_.size() || widths_[i] > widths_[widest];
      if (cut[i] && widths_[i] > kLeast && wider) widest = i;
    }
    if (widest == widths_.size()) break;
    --widths_[widest];
    --sum;
  }
  std::vector<Line> lines = std::move(waiting_);
  waiting_.clear();
  for (const Line& line : lines) Print(line);
}

void TextTable::Print(const Line& line) {
  std::string out;
  size_t at = 0;
  for (const Column& column : shown_) {
    const std::string cell = MayBeCut(column) ? CutToWidth(line[at], widths_[at]) : line[at];
    const size_t width = ShownWidth(cell);
    const std::string pad(widths_[at] > width ? widths_[at] - width : 0, ' ');
    const bool last = at + 1 == line.size();
    if (at > 0) out += kGap;
    out += IsNumber(column) ? pad + cell : cell + (last ? "" : pad);
    ++at;
  }
  (void)std::fputs((out + "\n").c_str(), to_);
}

}  // namespace stateward
