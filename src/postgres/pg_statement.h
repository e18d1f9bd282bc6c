// A statement for Postgres with binary parameters, and the binary rows that it gives.
// Values are not copied into the SQL text, so nothing of a state or a secret stands in server logs.
#ifndef STATEWARD_POSTGRES_PG_STATEMENT_H_
#define STATEWARD_POSTGRES_PG_STATEMENT_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "stateward/bytes.h"

struct pg_result;  // libpq's PGresult

namespace stateward {

// $1, $2, … in order. Texts and bytes are views: they must outlive the call that sends them.
class PgParams {
 public:
  PgParams& Text(std::string_view text);
  PgParams& Bytea(ByteView bytes);
  PgParams& Int8(uint64_t number);

  struct Param {
    uint32_t type = 0;
    ByteView bytes;
    std::array<char, 8> number{};  // big-endian, when `bytes` is not used
    bool is_number = false;
    const char* data() const;
    int size() const;
  };
  const std::vector<Param>& all() const { return params_; }
  size_t bytes() const;  // of all values

 private:
  std::vector<Param> params_;
};

struct PgStatement {
  std::string sql;  // one command
  PgParams params;
  // Comes again and again, with parameters of the same types, and its plan does not depend on how
  // large a table is: the server may keep it for the session.
  bool kept = false;
};

// Of all values of them.
size_t PgBytesOf(const std::vector<PgStatement>& statements);

// What one statement gave. Movable; used by one thread.
class PgRows {
 public:
  PgRows() = default;
  explicit PgRows(pg_result* result) : result_(result) {}

  size_t size() const;
  size_t memory() const;  // bytes that it holds
  bool IsNull(size_t row, size_t column) const;
  // Valid while these rows live.
  ByteView Raw(size_t row, size_t column) const;
  std::string Text(size_t row, size_t column) const;
  Bytes Bytea(size_t row, size_t column) const;
  // 0 when the value is null or no int8.
  uint64_t Int8(size_t row, size_t column) const;
  bool Bool(size_t row, size_t column) const;
  // "COMMIT", "INSERT 0 1", …
  std::string_view Tag() const;

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

}  // namespace stateward

#endif  // STATEWARD_POSTGRES_PG_STATEMENT_H_
