#include "config/setting_value.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <type_traits>
#include <utility>

namespace stateward {
namespace {

std::optional<bool> ParseBool(std::string_view text) {
  for (std::string_view yes : {"true", "1", "yes", "on"}) {
    if (text == yes) return true;
  }
  for (std::string_view no : {"false", "0", "no", "off"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

std::optional<uint64_t> ParseNumber(std::string_view text, bool with_unit) {
  uint64_t factor = 1;
  if (with_unit && !text.empty()) {
    size_t unit = std::string_view("KMG").find(text.back());
    if (unit != std::string_view::npos) {
      factor = uint64_t{1} << (10 * (unit + 1));
      text.remove_suffix(1);
    }
  }
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (value > UINT64_MAX / factor) return std::nullopt;
  return value * factor;
}

// Which of the choices it is, from 0.
std::optional<size_t> ParseChoice(std::string_view choices, std::string_view text) {
  for (size_t i = 0; !choices.empty(); ++i) {
    size_t bar = choices.find('|');
    if (choices.substr(0, bar) == text) return i;
    choices.remove_prefix(bar == std::string_view::npos ? choices.size() : bar + 1);
  }
  return std::nullopt;
}

// Between commas, without the blanks around.
std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    size_t comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (!item.empty()) out.emplace_back(item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return out;
}

void Put(const Setting& /*row*/, const SecretString& value, std::string* to) {
  *to = std::string(value.Reveal());
}
void Put(const Setting& /*row*/, const SecretString& value, std::vector<std::string>* to) {
  *to = SplitList(value.Reveal());
}
void Put(const Setting& /*row*/, const SecretString& value, SecretString* to) { *to = value; }
void Put(const Setting& row, const SecretString& value, bool* to) {
  *to = row.type == SettingType::kChoice ? ParseChoice(row.choices, value.Reveal()) == size_t{0}
                                         : ParseBool(value.Reveal()).value_or(false);
}
template <typename T>
void Put(const Setting& row, const SecretString& value, T* to) {
  if constexpr (std::is_enum_v<T>) {
    *to = static_cast<T>(ParseChoice(row.choices, value.Reveal()).value_or(0));
  } else {
    const bool bytes = row.type == SettingType::kBytes;
    *to = static_cast<T>(ParseNumber(value.Reveal(), bytes).value_or(0));
  }
}

template <typename T>
bool Same(const T& a, const T& b) {
  return a == b;
}
bool Same(const SecretString& a, const SecretString& b) {
  return EqualInConstantTime(a.Reveal(), b.Reveal());
}

template <typename T>
bool Copy(const T& from, T* to) {
  if (Same(from, *to)) return false;
  *to = from;
  return true;
}

}  // namespace

std::string WhatIsWrong(const Setting& row, std::string_view text) {
  switch (row.type) {
    case SettingType::kText:
      return "";
    case SettingType::kBool:
      return ParseBool(text) ? "" : "must be true or false";
    case SettingType::kChoice: {
      if (ParseChoice(row.choices, text)) return "";
      std::string list(row.choices);
      std::replace(list.begin(), list.end(), '|', ' ');
      return "must be one of: " + list;
    }
    case SettingType::kNumber:
    case SettingType::kBytes: {
      auto number = ParseNumber(text, row.type == SettingType::kBytes);
      if (number && *number >= row.min && *number <= row.max) return "";
      return "must be a number from " + std::to_string(row.min) + " to " + std::to_string(row.max) +
             (row.type == SettingType::kBytes ? " (K, M and G may follow)" : "");
    }
  }
  return "";
}

void PutSetting(const Setting& row, const SecretString& text, Config* config) {
  std::visit(
      [&](auto place) {
        if constexpr (std::is_same_v<decltype(place(*config)), SecretPlace>) {
          *place(*config).text = text;
          place(*config).file->clear();
        } else {
          Put(row, text, &place(*config));
        }
      },
      row.place);
}

bool TakesFile(const Setting& row) {
  return std::holds_alternative<SecretPlace (*)(Config&)>(row.place);
}

void PutSettingFile(const Setting& row, const std::string& file, Config* config) {
  SecretPlace place = std::get<SecretPlace (*)(Config&)>(row.place)(*config);
  *place.file = file;
  *place.text = SecretString();
}

bool CopySetting(const Setting& row, const Config& from, Config* to) {
  // The places are told apart by reference, so they take what may be changed; this one is not.
  auto& source = const_cast<Config&>(from);
  return std::visit(
      [&](auto place) {
        if constexpr (std::is_same_v<decltype(place(source)), SecretPlace>) {
          const bool text = Copy(*place(source).text, place(*to).text);
          return Copy(*place(source).file, place(*to).file) || text;
        } else {
          return Copy(place(source), &place(*to));
        }
      },
      row.place);
}

}  // namespace stateward
