// The table of all settings: the one place where a setting has its name, type, default, meaning and
// place in the typed settings. A new setting is a row here and a field in its room's settings.
// docs/settings.md and conf/stateward.env are compared with it by a test.
#ifndef STATEWARD_CONFIG_SETTINGS_H_
#define STATEWARD_CONFIG_SETTINGS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/log.h"
#include "config/config.h"
#include "stateward/secret.h"

namespace stateward {

enum class SettingType : uint8_t {
  kText,    // any text
  kBool,    // true or false (also 1/0, yes/no, on/off)
  kNumber,  // decimal, within min..max
  kBytes,   // decimal, with K, M or G (powers of 1024) if wanted, within min..max
  kChoice,  // one of `choices`, separated by '|'
};

// A secret that its user reads by itself when it comes from a file, since that may change, or come
// later than the start: then only *file is set.
struct SecretPlace {
  SecretString* text;
  std::string* file;
};

// Where a value goes in the typed settings, by the type of the field.
using SettingPlace =
    std::variant<std::string& (*)(Config&),               // kText, kChoice
                 std::vector<std::string>& (*)(Config&),  // kText with commas
                 SecretString& (*)(Config&), SecretPlace (*)(Config&),
                 bool& (*)(Config&),  // kBool; kChoice: is it the first one?
                 uint32_t& (*)(Config&), uint64_t& (*)(Config&), int64_t& (*)(Config&),
                 // kChoice, in the order of the enumeration
                 LogLevel& (*)(Config&), LogFormat& (*)(Config&)>;

struct Setting {
  std::string_view name;
  SettingType type;
  SettingPlace place;
  std::string_view fallback;  // the default; "" = none
  bool secret;                // may come from NAME_FILE or a systemd credential; never shown
  bool reload;                // HUP takes a new value; else a new start does
  std::string_view meaning;   // one sentence
  std::string_view choices = {};
  uint64_t min = 0;
  uint64_t max = 0;
  // Beyond the type: "" or what is wrong, for the text behind the name. Sees all settings.
  std::string (*check)(const Config& config) = nullptr;
};

struct SettingTable {
  const Setting* rows;
  size_t size;
  const Setting* begin() const { return rows; }
  const Setting* end() const { return rows + size; }
};

SettingTable Settings();
// nullptr when there is none of that name.
const Setting* FindSetting(std::string_view name);
// The known name with the fewest changed letters, when those are few enough to be a slip; else "".
std::string_view NearestSetting(std::string_view name);
// "text", "bool", …: for documents and messages.
std::string_view TypeName(SettingType type);

}  // namespace stateward

#endif  // STATEWARD_CONFIG_SETTINGS_H_
