// What an operation answers: typed rows, or the exact bytes of a document. Knows neither terminals
// nor JSON nor HTTP; those are made from it, by the operation's columns.
//
// Plain values; not synchronised.
#ifndef STATEWARD_ADMIN_REPLY_H_
#define STATEWARD_ADMIN_REPLY_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/table_view.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

enum class ColumnKind : uint8_t {
  kText,    // JSON: a string
  kNumber,  // a number
  kTime,    // milliseconds since 1970; JSON: "2026-11-24T04:07:17Z"
  kBytes,   // a number of bytes; people see "1.2 MiB"
  kFlag,    // true or false
  kTexts,   // JSON: an array of strings; people see them joined by ", "
};

// Whether a column shows in a table for people; JSON always has it.
enum class ColumnShown : uint8_t {
  kAlways,
  kFilled,  // when a row has a value in it
  kJsonOnly,
};

struct Column {
  std::string_view name;  // the JSON member: lower case, words joined by "_"; stable
  ColumnKind kind = ColumnKind::kText;
  std::string_view title;  // the head of the table's column
  std::string_view help;   // one sentence, for the documents
  ColumnShown shown = ColumnShown::kAlways;
};
using ColumnTable = TableView<Column>;

// monostate: null. string: kText. uint64_t: kNumber, kBytes. int64_t: kTime. bool: kFlag.
using Value =
    std::variant<std::monostate, std::string, uint64_t, int64_t, bool, std::vector<std::string>>;
// One value for each column of the operation, in their order.
using Row = std::vector<Value>;

// A text, or null when it is empty.
inline Value TextOrNull(std::string text) {
  return text.empty() ? Value() : Value(std::move(text));
}

// A time, or null when it is 0: not known.
inline Value TimeOrNull(int64_t ms) { return ms == 0 ? Value() : Value(ms); }

// What an operation that was carried out found: the exit code of the command line.
enum class Verdict : uint8_t {
  kDone,
  kFoundWrong,  // it says so in its rows
};

// Takes a row; false: the reader wants no more.
using RowFn = std::function<bool(const Row&)>;

struct Reply {
  std::vector<Row> rows;
  // For lists of any length, in the place of `rows`: called once, while what the operation was
  // given is still there. An error may come after rows.
  std::function<Result<Verdict>(const RowFn&)> stream;
  SecretBytes document;  // of an operation that answers with a document
  Verdict verdict = Verdict::kDone;
  std::string note;  // a sentence for people, e.g. what to do next; "" = none
  std::string tag;   // changes whenever the answer does, for If-None-Match; "" = none
  // What continues this list, for its parameter `cursor`; "" = this was the end.
  std::string next;
  // Nothing was done since the state is locked: LockInfo JSON of who holds it. "" = not so.
  std::string holder;
};

}  // namespace stateward

#endif  // STATEWARD_ADMIN_REPLY_H_
