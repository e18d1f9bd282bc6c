// Rows as a table for people, fitted to a terminal. Text of others is shown without control
// characters (base/shown_text.h).
#ifndef STATEWARD_CLI_TEXT_TABLE_H_
#define STATEWARD_CLI_TEXT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "admin/reply.h"

namespace stateward {

// "1.2 MiB"
std::string ShownBytes(uint64_t bytes);
// A value in one line; "-" for null.
std::string ShownValue(const Column& column, const Value& value);

// One row as a list, a line for each column: "SERIAL  7".
void PrintRow(FILE* to, const ColumnTable& columns, const Row& row);

// The rows as a JSON array of objects, a line for each.
void PrintJsonRows(FILE* to, const ColumnTable& columns, const std::vector<Row>& rows);

// Many rows below each other. Not synchronised.
class TextTable {
 public:
  // Widths are taken from the first so many rows; what comes later is printed as it comes.
  static constexpr size_t kMeasured = 1000;

  // `width`: columns of the terminal; 0: as wide as it gets.
  TextTable(FILE* to, const ColumnTable& columns, size_t width);

  void Add(const Row& row);
  void Finish();
  size_t rows() const { return rows_; }

 private:
  using Line = std::vector<std::string>;
  // Takes the columns away that show when a row has a value, where none has.
  void DropEmpty();
  void Measure();
  void Print(const Line& line);

  FILE* const to_;
  const size_t width_;
  std::vector<Column> shown_;   // of which lines have cells; after Measure those that have a value
  std::vector<size_t> places_;  // of the shown columns' values in a row
  std::vector<Line> waiting_;
  std::vector<size_t> widths_;  // of the shown columns; empty until measured
  size_t rows_ = 0;
};

}  // namespace stateward

#endif  // STATEWARD_CLI_TEXT_TABLE_H_
