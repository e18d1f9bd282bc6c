#include "admin/params.h"

#include <charconv>
#include <ctime>

#include "base/state_name.h"
#include "base/utf8.h"

namespace stateward {
namespace {

bool ParseNumber(std::string_view text, uint64_t* out) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  *out = value;
  return true;
}

// In seconds; 0: not one of these units.
uint64_t UnitOf(char c) {
  constexpr std::pair<char, uint64_t> kUnits[] = {
      {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
  for (const auto& [name, seconds] : kUnits) {
    if (name == c) return seconds;
  }
  return 0;
}

bool ParseAge(std::string_view text, uint64_t* seconds) {
  const uint64_t unit = text.empty() ? 0 : UnitOf(text.back());
  uint64_t count = 0;
  // So that milliseconds fit into an int64_t.
  constexpr uint64_t kMost = uint64_t{1} << 52;
  if (unit == 0 || !ParseNumber(text.substr(0, text.size() - 1), &count)) return false;
  if (count > kMost / unit) return false;
  *seconds = count * unit;
  return true;
}

bool IsPlainText(std::string_view text) {
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  for (size_t i = 0; i < text.size();) {
    const size_t n = Utf8Length(p + i, text.size() - i);
    if (n == 0 || (n == 1 && (p[i] < 0x20 || p[i] == 0x7f))) return false;
    i += n;
  }
  return true;
}

std::string Between(const Param& row, const char* what) {
  const std::string low = std::to_string(row.min);
  if (row.min == row.max) return "must be " + low + what;
  if (row.max == kNoLimit) return "must be " + low + what + " or more";
  return "must be from " + low + " to " + std::to_string(row.max) + what;
}

bool IsWithin(const Param& row, uint64_t n) { return n >= row.min && n <= row.max; }

bool IsGlob(std::string_view text) {
  constexpr size_t kMost = 128 + 1 + kMaxNestedName;  // PROJECT/NAME
  if (text.empty() || text.size() > kMost) return false;
  for (char c : text) {
    if (c != '*' && c != '/' && !IsStateName(std::string("x") + c)) return false;
  }
  return true;
}

// "" or what would be right, to stand behind the parameter's name.
std::string WhatIsWrong(const Param& row, const std::string& text) {
  uint64_t number = 0;
  int64_t time = 0;
  std::string_view part;
  switch (row.kind) {
    case ParamKind::kFlag:
      return text == "true" || text == "false" ? "" : "must be true or false";
    case ParamKind::kText:
      if (!IsPlainText(text)) return "must be a line of UTF-8 text";
      if (text.empty() && row.min > 0) return "must not be empty";
      return IsWithin(row, text.size()) ? "" : Between(row, " bytes");
    case ParamKind::kNumber:
      if (!ParseNumber(text, &number)) return "must be a number";
      return IsWithin(row, number) ? "" : Between(row, "");
    case ParamKind::kAge:
      if (!ParseAge(text, &number)) return "must be a number and one of s, m, h, d, w: 90d";
      return IsWithin(row, number) ? "" : Between(row, " seconds");
    case ParamKind::kTime:
      return ParseTimeText(text, &time) ? "" : "must be a time such as 2027-01-31T00:00:00Z";
    case ParamKind::kChoice:
      for (std::string_view choice : ChoicesOf(row)) {
        if (choice == text) return "";
      }
      return "must be one of " + std::string(row.choices);
    case ParamKind::kState:
      return SplitStateName(text, &part, &part) ? "" : "must be PROJECT/NAME";
    case ParamKind::kGlob:
      return IsGlob(text) ? "" : "must be a pattern over PROJECT/NAME, such as net/*";
    case ParamKind::kFile:
    case ParamKind::kEnvFile:
      return text.empty() ? "must name a file" : "";
  }
  return "is of no kind";
}

}  // namespace

bool ParseTimeText(const std::string& text, int64_t* ms) {
  tm parts{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != 0) return false;
  *ms = int64_t{timegm(&parts)} * 1000;
  return true;
}

bool IsArgument(const Param& row) {
  return row.use == ParamUse::kArgument || row.use == ParamUse::kOptionalArgument ||
         row.use == ParamUse::kManyArguments;
}

bool IsRequired(const Param& row) {
  return row.use == ParamUse::kArgument || row.use == ParamUse::kManyArguments ||
         row.use == ParamUse::kRequiredOption;
}

bool IsMany(const Param& row) {
  return row.use == ParamUse::kManyArguments || row.use == ParamUse::kManyOptions;
}

const Param* FindParam(const ParamTable& table, std::string_view name) {
  for (const Param& row : table) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::vector<std::string_view> ChoicesOf(const Param& row) {
  std::vector<std::string_view> out;
  std::string_view rest = row.choices;
  while (!rest.empty()) {
    const size_t end = rest.find('|');
    out.push_back(rest.substr(0, end));
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  }
  return out;
}

Status Args::Add(const Param& row, std::string_view text) {
  std::vector<std::string>& values = values_[std::string(row.name)];
  if (!values.empty() && !IsMany(row)) {
    return Status::InvalidArgument(std::string(row.name) + " is given twice");
  }
  values.emplace_back(text);
  const std::string wrong = WhatIsWrong(row, values.back());
  return wrong.empty() ? Status() : Status::InvalidArgument(std::string(row.name) + " " + wrong);
}

Status Args::Finish(const ParamTable& table) {
  for (const Param& row : table) {
    if (Has(row.name)) continue;
    if (IsRequired(row)) return Status::InvalidArgument(std::string(row.name) + " is missing");
    if (!row.fallback.empty()) values_[std::string(row.name)] = {std::string(row.fallback)};
  }
  return Status();
}

const std::string& Args::Text(std::string_view name) const {
  static const std::string kNone;
  const std::vector<std::string>& all = All(name);
  return all.empty() ? kNone : all.front();
}

uint64_t Args::Number(std::string_view name) const {
  uint64_t number = 0;
  (void)ParseNumber(Text(name), &number);
  return number;
}

int64_t Args::AgeMs(std::string_view name) const {
  uint64_t seconds = 0;
  (void)ParseAge(Text(name), &seconds);
  return static_cast<int64_t>(seconds) * 1000;
}

int64_t Args::TimeMs(std::string_view name) const {
  int64_t ms = 0;
  (void)ParseTimeText(Text(name), &ms);
  return ms;
}

const std::vector<std::string>& Args::All(std::string_view name) const {
  static const std::vector<std::string> kNone;
  auto it = values_.find(name);
  return it == values_.end() ? kNone : it->second;
}

StateKey Args::State(std::string_view name) const {
  std::string_view project;
  std::string_view state;
  if (!SplitStateName(Text(name), &project, &state)) return {};
  return {"", std::string(project), std::string(state)};
}

}  // namespace stateward
