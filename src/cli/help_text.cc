#include "cli/help_text.h"

#include <algorithm>

#include "base/shown_text.h"

namespace stateward {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kIndent = 2;
constexpr size_t kTextAt = 26;  // where the text of a parameter begins

// One parameter: its label, and its text behind it or below it.
std::string Entry(const std::string& label, const std::string& text) {
  std::string lines = Wrapped(text, kTextAt, kWidth);
  const std::string head = std::string(kIndent, ' ') + label;
  const size_t width = ShownWidth(head);
  if (width + 2 > kTextAt) return head + "\n" + lines;
  return head + std::string(kTextAt - width, ' ') + lines.substr(kTextAt);
}

}  // namespace

std::string TextOf(const Param& row) {
  std::string text(row.help);
  if (!row.choices.empty() && IsArgument(row)) {
    std::string choices(row.choices);
    std::replace(choices.begin(), choices.end(), '|', ' ');
    text += "; one of " + choices;
  }
  if (!row.fallback.empty()) text += " (default: " + std::string(row.fallback) + ")";
  if (IsMany(row) && !IsArgument(row)) text += "; may be given several times";
  return text;
}

namespace {

std::string Entries(const ParamTable& table, bool arguments) {
  std::string out;
  for (const Param& row : table) {
    if (IsArgument(row) == arguments) out += Entry(LabelOf(row), TextOf(row));
  }
  return out;
}

}  // namespace

std::string SentenceOf(std::string_view help) {
  std::string text(help);
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 32);
  return text + ".";
}

std::string Wrapped(std::string_view text, size_t indent, size_t width) {
  std::string out;
  std::string line(indent, ' ');
  size_t used = indent;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t size = ShownWidth(word);
    if (used > indent && used + 1 + size > width) {
      out += line + "\n";
      line.assign(indent, ' ');
      used = indent;
    }
    if (used > indent) line += ' ';
    line += word;
    used = ShownWidth(line);
  }
  return out + line + "\n";
}

std::string LabelOf(const Param& row) {
  if (IsArgument(row)) return std::string(row.value) + (IsMany(row) ? "..." : "");
  const std::string letter = row.name == "output"  ? "-o, "
                             : row.name == "quiet" ? "-q, "
                             : row.name == "help"  ? "-h, "
                             : row.name == "yes"   ? "-y, "
                                                   : "";
  std::string value = row.choices.empty() ? std::string(row.value) : std::string(row.choices);
  return letter + "--" + std::string(row.name) + (value.empty() ? "" : " " + value);
}

std::string SynopsisOf(const CommandForm& form) {
  std::string out = "statewardctl " + std::string(form.name);
  bool options = form.asks();
  for (const Param& row : form.params) {
    if (row.use == ParamUse::kRequiredOption) out += " " + LabelOf(row);
    if (!IsArgument(row)) options = options || row.use != ParamUse::kRequiredOption;
  }
  if (options) out += " [OPTION]...";
  for (const Param& row : form.params) {
    if (!IsArgument(row)) continue;
    out += IsRequired(row) ? " " + LabelOf(row) : " [" + LabelOf(row) + "]";
  }
  return out;
}

std::string HelpOf(const CommandForm& form) {
  std::string out = "usage: " + SynopsisOf(form) + "\n\n";
  out += Wrapped(SentenceOf(form.help), 0, kWidth);
  if (!form.about.empty()) out += Wrapped(form.about, 0, kWidth);
  std::string params = Entries(form.params, true) + Entries(form.params, false);
  if (form.asks()) params += Entry(LabelOf(kYesParam), TextOf(kYesParam));
  if (!params.empty()) out += "\n" + params;
  out += "\nexamples:\n";
  std::string_view examples = form.examples;
  while (!examples.empty()) {
    const size_t end = std::min(examples.find('\n'), examples.size() - 1);
    out += "  " + std::string(examples.substr(0, end + 1));
    examples.remove_prefix(end + 1);
  }
  return out + "\nOptions that every command takes: statewardctl --help\n";
}

std::string HelpOfAll() {
  std::string out =
      "usage: statewardctl COMMAND [OPTION]... [ARGUMENT]...\n\n"
      "Works on the store of Stateward that the settings name. Run it as root: it reads\n"
      "what the server's unit reads and then becomes the server's user.\n\ncommands:\n";
  for (const CommandForm& form : CommandForms()) {
    if (form.hidden()) continue;
    out += Entry(std::string(form.name), std::string(form.help));
  }
  out += "\noptions, before or behind the command:\n" + Entries(CommonParams(), false);
  return out +
         "\nexit codes: 0 done, 1 something is wrong or not there, 2 wrong usage or settings,\n"
         "3 not reached, 4 refused\n\nstatewardctl COMMAND --help says more.\n";
}

}  // namespace stateward
