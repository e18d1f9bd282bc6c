// One setting's text as a value of its type, in and out of the typed settings.
#ifndef STATEWARD_CONFIG_SETTING_VALUE_H_
#define STATEWARD_CONFIG_SETTING_VALUE_H_

#include <string>
#include <string_view>

#include "config/settings.h"
#include "stateward/secret.h"

namespace stateward {

// "" when the text is of the setting's type; else what would be right, for behind its name.
std::string WhatIsWrong(const Setting& row, std::string_view text);
// Puts the value into its place. REQUIRES: WhatIsWrong says "".
void PutSetting(const Setting& row, const SecretString& text, Config* config);
// For a SecretPlace: the name of the file in place of the text.
bool TakesFile(const Setting& row);
void PutSettingFile(const Setting& row, const std::string& file, Config* config);
// Gives *to the value that `from` has; true when it had another one.
bool CopySetting(const Setting& row, const Config& from, Config* to);

}  // namespace stateward

#endif  // STATEWARD_CONFIG_SETTING_VALUE_H_
