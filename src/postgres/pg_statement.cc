#include "postgres/pg_statement.h"

#include <libpq-fe.h>

namespace stateward {
namespace {

// From the server's catalogue, where they never change.
constexpr uint32_t kByteaType = 17;
constexpr uint32_t kInt8Type = 20;
constexpr uint32_t kTextType = 25;

}  // namespace

const char* PgParams::Param::data() const {
  if (is_number) return number.data();
  // A null pointer would be NULL and not an empty value.
  return bytes.empty() ? "" : reinterpret_cast<const char*>(bytes.data());
}

int PgParams::Param::size() const {
  return is_number ? static_cast<int>(number.size()) : static_cast<int>(bytes.size());
}

PgParams& PgParams::Text(std::string_view text) {
  Param param;
  param.type = kTextType;
  param.bytes = text;
  params_.push_back(param);
  return *this;
}

PgParams& PgParams::Bytea(ByteView bytes) {
  Param param;
  param.type = kByteaType;
  param.bytes = bytes;
  params_.push_back(param);
  return *this;
}

PgParams& PgParams::Int8(uint64_t number) {
  Param param;
  param.type = kInt8Type;
  param.is_number = true;
  for (size_t i = 8; i-- > 0; number >>= 8) param.number[i] = static_cast<char>(number & 0xFF);
  params_.push_back(param);
  return *this;
}

size_t PgParams::bytes() const {
  size_t sum = 0;
  for (const Param& param : params_) sum += static_cast<size_t>(param.size());
  return sum;
}

size_t PgBytesOf(const std::vector<PgStatement>& statements) {
  size_t sum = 0;
  for (const PgStatement& statement : statements) sum += statement.params.bytes();
  return sum;
}

void PgRows::Clear::operator()(pg_result* result) const { PQclear(result); }

size_t PgRows::size() const {
  return result_ ? static_cast<size_t>(PQntuples(result_.get())) : size_t{0};
}

size_t PgRows::memory() const { return result_ ? PQresultMemorySize(result_.get()) : size_t{0}; }

bool PgRows::IsNull(size_t row, size_t column) const {
  return row >= size() ||
         PQgetisnull(result_.get(), static_cast<int>(row), static_cast<int>(column)) == 1;
}

ByteView PgRows::Raw(size_t row, size_t column) const {
  if (IsNull(row, column)) return {};
  int r = static_cast<int>(row);
  int c = static_cast<int>(column);
  return {PQgetvalue(result_.get(), r, c), static_cast<size_t>(PQgetlength(result_.get(), r, c))};
}

std::string PgRows::Text(size_t row, size_t column) const {
  return std::string(Raw(row, column).AsString());
}

Bytes PgRows::Bytea(size_t row, size_t column) const {
  ByteView raw = Raw(row, column);
  return {raw.begin(), raw.end()};
}

uint64_t PgRows::Int8(size_t row, size_t column) const {
  ByteView raw = Raw(row, column);
  if (raw.size() != 8) return 0;
  uint64_t number = 0;
  for (uint8_t byte : raw) number = number << 8 | byte;
  return number;
}

bool PgRows::Bool(size_t row, size_t column) const {
  ByteView raw = Raw(row, column);
  return raw.size() == 1 && raw[0] != 0;
}

std::string_view PgRows::Tag() const {
  return result_ ? std::string_view(PQcmdStatus(result_.get())) : std::string_view();
}

}  // namespace stateward
