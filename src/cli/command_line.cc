#include "cli/command_line.h"

#include <getopt.h>

#include <algorithm>
#include <utility>

#include "base/edit_distance.h"

namespace stateward {
namespace {

constexpr int kFirstLong = 256;  // above every short option's character

// The short forms of common options.
constexpr std::pair<char, std::string_view> kShort[] = {
    {'h', "help"}, {'o', "output"}, {'q', "quiet"}, {'y', "yes"}};

// The rows that getopt_long may meet, the command's own first: they hide common ones of the same
// name (get --version N).
class OptionSet {
 public:
  explicit OptionSet(const CommandForm* form) {
    if (form != nullptr) AddAll(form->params, true);
    if (form != nullptr && form->asks()) Add(kYesParam, false);
    AddAll(CommonParams(), false);
    long_.push_back({nullptr, 0, nullptr, 0});
    // "+": stop at the command. ":": a missing value is told apart.
    short_ = form == nullptr ? "+:" : ":";
    for (const auto& [letter, name] : kShort) {
      const Param* row = Find(name);
      if (row == nullptr) continue;
      short_ += letter;
      if (row->kind != ParamKind::kFlag) short_ += ':';
    }
  }

  const option* long_options() const { return long_.data(); }
  const char* short_options() const { return short_.c_str(); }
  struct Row {
    const Param* param;
    bool own;  // of the command
  };
  // nullptr: no row of this set.
  const Row* ByCode(int code) const {
    if (code >= kFirstLong) return &rows_[static_cast<size_t>(code - kFirstLong)];
    for (const auto& [letter, name] : kShort) {
      if (letter != code) continue;
      for (const Row& row : rows_) {
        if (row.param->name == name) return &row;
      }
    }
    return nullptr;
  }
  std::vector<std::string_view> Names() const {
    std::vector<std::string_view> names;
    for (const Row& row : rows_) names.push_back(row.param->name);
    return names;
  }

 private:
  const Param* Find(std::string_view name) const {
    for (const Row& row : rows_) {
      if (row.param->name == name) return row.param;
    }
    return nullptr;
  }
  void AddAll(const ParamTable& table, bool own) {
    for (const Param& row : table) Add(row, own);
  }
  void Add(const Param& row, bool own) {
    if (IsArgument(row) || Find(row.name) != nullptr) return;
    const int takes = row.kind == ParamKind::kFlag ? no_argument : required_argument;
    long_.push_back({row.name.data(), takes, nullptr, kFirstLong + static_cast<int>(rows_.size())});
    rows_.push_back({&row, own});
  }

  std::vector<option> long_;
  std::string short_;
  std::vector<Row> rows_;
};

// One pass of getopt_long over a copy of argv, which it sorts.
class Reader {
 public:
  Reader(const std::vector<std::string>& argv, const CommandForm* form, CommandLine* out)
      : words_(argv), options_(form), out_(out) {
    for (std::string& word : words_) argv_.push_back(word.data());
    argv_.push_back(nullptr);
  }

  // The words that are no options; nothing when out->wrong says why.
  std::vector<std::string> Read() {
    optind = 0;  // glibc: begin again
    opterr = 0;
    const int argc = static_cast<int>(words_.size());
    while (out_->wrong.empty()) {
      const int code = getopt_long(argc, argv_.data(), options_.short_options(),
                                   options_.long_options(), nullptr);
      if (code == -1) break;
      Take(code);
    }
    if (!out_->wrong.empty()) return {};
    return {argv_.begin() + optind, argv_.end() - 1};
  }

 private:
  void Take(int code) {
    if (code == ':' || code == '?') return Refuse(code == ':');
    const OptionSet::Row* row = options_.ByCode(code);
    if (row == nullptr) return Refuse(false);
    const std::string_view name = row->param->name;
    const bool flag = row->param->kind == ParamKind::kFlag;
    if (!row->own && flag && out_->common.Has(name)) return;  // said twice is said
    Status added = (row->own ? out_->args : out_->common).Add(*row->param, flag ? "true" : optarg);
    if (!added.ok()) out_->wrong = "--" + added.detail();
  }

  void Refuse(bool lacks_value) {
    const std::string word = argv_[optind - 1];
    if (lacks_value) {
      out_->wrong = word + " needs a value";
      return;
    }
    if (optopt >= kFirstLong) {
      out_->wrong = word + ": this option takes no value";
      return;
    }
    // Of a group of letters getopt names the one that is wrong.
    const std::string what = optopt > 0 ? std::string("-") + static_cast<char>(optopt) : word;
    out_->wrong = "there is no option " + what;
    if (what.size() < 3) return;
    const std::string typed = what.substr(2, what.find('=') - 2);
    const std::string_view near = NearestName(typed, options_.Names());
    if (!near.empty()) out_->wrong += "; do you mean --" + std::string(near) + "?";
  }

  std::vector<std::string> words_;
  std::vector<char*> argv_;
  const OptionSet options_;
  CommandLine* const out_;
};

std::string UnknownCommand(const std::vector<std::string>& words,
                           const std::vector<CommandForm>& forms) {
  std::vector<std::string_view> names;
  std::string below;  // commands that begin with the word
  for (const CommandForm& form : forms) {
    if (form.hidden()) continue;
    names.push_back(form.name);
    if (form.name.substr(0, words[0].size() + 1) == words[0] + " ") {
      below += (below.empty() ? "" : ", ") + std::string(form.name.substr(words[0].size() + 1));
    }
  }
  if (!below.empty() && words.size() < 2) return words[0] + " needs a word more: " + below;
  const std::string typed = below.empty() ? words[0] : words[0] + " " + words[1];
  std::string text = "there is no command " + typed;
  std::string_view near = NearestName(typed, names);
  if (near.empty() && words.size() > 1) near = NearestName(words[0] + " " + words[1], names);
  if (!near.empty()) return text + "; do you mean " + std::string(near) + "?";
  return below.empty() ? text : text + "; there are: " + below;
}

// Takes the command's words off *words.
std::optional<CommandForm> TakeCommand(std::vector<std::string>* words) {
  for (size_t count : {size_t{2}, size_t{1}}) {
    if (words->size() < count) continue;
    const std::string name = count == 2 ? (*words)[0] + " " + (*words)[1] : (*words)[0];
    for (const CommandForm& form : CommandForms()) {
      if (form.name != name) continue;
      words->erase(words->begin(), words->begin() + static_cast<std::ptrdiff_t>(count));
      return form;
    }
  }
  return std::nullopt;
}

// As the help has it: "--to", "PROJECT/NAME".
std::string ShownName(const Param& row) {
  return IsArgument(row) ? std::string(row.value) : "--" + std::string(row.name);
}

bool BeginsCommands(const std::string& word) {
  for (const CommandForm& form : CommandForms()) {
    if (form.name.substr(0, word.size() + 1) == word + " ") return true;
  }
  return false;
}

bool AsksForHelp(const std::vector<std::string>& argv) {
  return std::find(argv.begin(), argv.end(), "--help") != argv.end() ||
         std::find(argv.begin(), argv.end(), "-h") != argv.end();
}

void AddArguments(const std::vector<std::string>& words, CommandLine* out) {
  auto row = out->form->params.begin();
  const auto end = out->form->params.end();
  for (const std::string& word : words) {
    row = std::find_if(row, end, [](const Param& param) { return IsArgument(param); });
    if (row == end) {
      out->wrong = "one argument too many: " + word;
      return;
    }
    Status added = out->args.Add(*row, word);
    if (!added.ok()) {
      out->wrong = ShownName(*row) + added.detail().substr(row->name.size());
      return;
    }
    if (!IsMany(*row)) ++row;
  }
  for (const Param& param : out->form->params) {
    if (!IsRequired(param) || out->args.Has(param.name)) continue;
    out->wrong = ShownName(param) + " is missing";
    return;
  }
  Status whole = out->args.Finish(out->form->params);
  if (!whole.ok()) out->wrong = whole.detail();
}

bool AsksElse(CommandLine* out) {
  if (out->common.Flag("help")) out->asks = CommandLine::Asks::kHelp;
  if (out->common.Flag("version")) out->asks = CommandLine::Asks::kVersion;
  return out->asks != CommandLine::Asks::kCommand;
}

}  // namespace

std::string_view NearestName(std::string_view typed, const std::vector<std::string_view>& names) {
  std::string_view best;
  // A beginning of at least three letters counts as one slip.
  size_t least = TooFar(typed);
  for (std::string_view name : names) {
    const bool begins = typed.size() >= 3 && name.substr(0, typed.size()) == typed;
    const size_t distance = begins ? 1 : EditDistance(typed, name);
    if (distance >= least) continue;
    least = distance;
    best = name;
  }
  return best;
}

CommandLine ParseCommandLine(const std::vector<std::string>& argv) {
  CommandLine out;
  std::vector<std::string> words = Reader(argv, nullptr, &out).Read();
  if (!out.wrong.empty() || AsksElse(&out)) return out;
  if (words.empty()) {
    out.wrong = "no command is given";
    return out;
  }
  if (words[0] == "help") {
    words.erase(words.begin());
    out.asks = CommandLine::Asks::kHelp;
    if (words.empty()) return out;
  }
  const std::vector<std::string> asked = words;
  out.form = TakeCommand(&words);
  const bool helps = out.asks == CommandLine::Asks::kHelp || AsksForHelp(argv);
  if (!out.form && helps && BeginsCommands(asked[0])) {
    out.asks = CommandLine::Asks::kHelp;  // of all: those of one word stand together there
    return out;
  }
  if (!out.form) {
    out.wrong = UnknownCommand(asked, CommandForms());
    return out;
  }
  if (out.asks == CommandLine::Asks::kHelp) return out;
  words.insert(words.begin(), argv[0]);
  words = Reader(words, &*out.form, &out).Read();
  // Who asks for help may have typed anything else.
  if (AsksForHelp(argv)) {
    out.wrong.clear();
    out.asks = CommandLine::Asks::kHelp;
  }
  if (!out.wrong.empty() || AsksElse(&out)) {
    // In place of the command it would look as if that had been done: `rollback --version 3`.
    if (out.wrong.empty() && out.asks == CommandLine::Asks::kVersion) {
      out.wrong = "there is no --version here; `statewardctl --version` shows the program's";
    }
    return out;
  }
  AddArguments(words, &out);
  return out;
}

}  // namespace stateward
