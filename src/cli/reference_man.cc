// The man page, in the language of man(7).
#include <cstdint>

#include "base/utf8.h"
#include "base/version.h"
#include "cli/command.h"
#include "cli/help_text.h"
#include "cli/reference.h"

namespace stateward {
namespace {

// mandoc calls longer input lines bad style.
constexpr size_t kWidth = 72;
// Of the last change to what stands below by hand.
constexpr char kDate[] = "2026-11-26";

// As roff takes it: "-" stays a hyphen-minus, what is not ASCII becomes a name.
std::string Roff(std::string_view text) {
  std::string out;
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  for (size_t i = 0; i < text.size();) {
    const size_t n = Utf8Length(p + i, text.size() - i);
    if (n > 1) {
      uint32_t c = p[i] & (0x7Fu >> n);
      for (size_t j = 1; j < n; ++j) c = c << 6 | (p[i + j] & 0x3Fu);
      char name[16];
      (void)std::snprintf(name, sizeof name, "\\[u%04X]", c);
      out += name;
    } else if (text[i] == '\\') {
      out += "\\e";
    } else if (text[i] == '-') {
      out += "\\-";
    } else {
      out += text[i];
    }
    i += n == 0 ? 1 : n;
  }
  return out;
}

// A paragraph in short lines. No line begins as a request would.
std::string Text(std::string_view text) {
  std::string out;
  std::string_view rest = text;
  const std::string lines = Wrapped(rest, 0, kWidth);
  for (size_t at = 0; at < lines.size();) {
    const size_t end = lines.find('\n', at);
    const std::string line = Roff(lines.substr(at, end - at));
    out += (line[0] == '.' || line[0] == '\'' ? "\\&" : "") + line + "\n";
    at = end + 1;
  }
  return out;
}

// A label in bold, its text below it.
std::string Entry(const std::string& label, const std::string& text) {
  return ".TP\n\\fB" + Roff(label) + "\\fR\n" + Text(text + ".");
}

std::string Entries(const ParamTable& table, bool arguments) {
  std::string out;
  for (const Param& row : table) {
    if (IsArgument(row) == arguments) out += Entry(LabelOf(row), TextOf(row));
  }
  return out;
}

std::string Section(const CommandForm& form) {
  std::string out = ".SS " + Roff(form.name) + "\n.nf\n.B " + Roff(SynopsisOf(form)) + "\n.fi\n";
  out += ".PP\n" + Text(SentenceOf(form.help));
  if (!form.about.empty()) out += Text(form.about);
  out += Entries(form.params, true) + Entries(form.params, false);
  if (form.asks()) out += Entry(LabelOf(kYesParam), TextOf(kYesParam));
  out += ".PP\nFor example:\n.PP\n.nf\n.RS\n";
  std::string_view examples = form.examples;
  while (!examples.empty()) {
    const size_t end = examples.find('\n');
    out += Roff(examples.substr(0, end)) + "\n";
    examples.remove_prefix(end + 1);
  }
  return out + ".RE\n.fi\n";
}

}  // namespace

std::string ManPage() {
  std::string out = ".TH STATEWARDCTL 1 " + std::string(kDate) + " \"Stateward " +
                    std::string(kStatewardVersion) + "\"\n.SH NAME\n" +
                    "statewardctl \\- administration of a store of Stateward\n.SH SYNOPSIS\n"
                    ".B statewardctl\n.I COMMAND\n.RI [ OPTION ...]\n.RI [ ARGUMENT ...]\n"
                    ".SH DESCRIPTION\n";
  out += Text(
      "Works on the store that the settings name. Run as root, it reads what the unit of the "
      "server reads, opens the files of the command line, and then becomes the unit's user. As "
      "any other user it works with that user's settings and rights. What a command changes is "
      "noted as done by admin:USER, who started it.");
  out += ".PP\n" +
         Text(
             "With --json, rows are an array with one row a line, or an object; members are never "
             "renamed or removed. Text is fitted to the terminal, and may change. Control "
             "characters of "
             "others are shown escaped.");
  out += ".SH OPTIONS\nBefore or behind the command:\n" + Entries(CommonParams(), false);
  out += ".SH COMMANDS\n";
  for (const CommandForm& form : CommandForms()) {
    if (!form.hidden()) out += Section(form);
  }
  out += ".SH EXIT STATUS\n" + Entry("0", "Done") +
         Entry("1", "Something is wrong, or is not there: damage, a check that fails") +
         Entry("2",
               "The command line or the settings are wrong, or a file that they name cannot be "
               "read") +
         Entry("3", "The store, a service or the server could not be reached") +
         Entry("4", "Refused: not allowed, locked, or the state is not as believed");
  return out + ".SH SEE ALSO\n.BR stateward (8)\n.PP\n" +
         Text(
             "Messages name documents as docs/NAME.md: they lie in share/doc/stateward, in /usr or "
             "/usr/local. docs/operating.md is a runbook.");
}

}  // namespace stateward
