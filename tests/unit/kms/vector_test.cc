// Records of released versions: tests/data/envelope/*.txt are never changed and never removed.
//
// A new one is made from a file without its record line: the test then fails and prints the line.
#include <CppUTest/TestHarness.h>
#include <zstd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <map>
#include <string>

#include "base/hex.h"
#include "base/sha256.h"
#include "kms/bound_key.h"
#include "kms/envelope.h"
#include "kms/header.h"
#include "kms/sealed_info.h"

namespace stateward {
namespace {

using Fields = std::map<std::string, std::string>;

// Lines of "name = value"; # starts a comment line.
Fields Read(const std::filesystem::path& path) {
  Fields fields;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t equals = line.find(" = ");
    if (line.empty() || line[0] == '#' || equals == std::string::npos) continue;
    fields[line.substr(0, equals)] = line.substr(equals + 3);
  }
  return fields;
}

Bytes FromHex(const std::string& hex) {
  Bytes bytes(hex.size() / 2);
  if (!HexDecode(hex, bytes.data(), bytes.size())) FAIL(("not hex: " + hex).c_str());
  return bytes;
}

uint64_t Number(const std::string& text) { return text.empty() ? 0 : std::stoull(text); }

struct Vector {
  MessageKey key;
  MessageId message{};
  SealContext where;
  SealedInfo info;
  Bytes document;
  uint8_t chunk_log2 = 0;
};

Vector Make(const Suite& suite, Fields& fields) {
  Vector v;
  const Bytes key = FromHex(fields["key"]);
  v.key.key.assign(key.begin(), key.end());
  v.key.id = suite.IdOf(key);
  v.key.wrapped = FromHex(fields["wrapped"]);
  const Bytes message = FromHex(fields["message_id"]);
  std::copy(message.begin(), message.end(), v.message.begin());
  v.where.store_id = fields["store_id"];
  CHECK(StateId::Parse(fields["state_id"], &v.where.id));
  v.where.n = Number(fields["version"]);
  v.chunk_log2 = static_cast<uint8_t>(Number(fields["chunk_log2"]));
  v.document = FromHex(fields["document"]);
  v.info.key = {fields["tenant"], fields["project"], fields["name"]};
  VersionInfo& info = v.info.version;
  info.kind = static_cast<RecordKind>(Number(fields["kind"]));
  info.serial = Number(fields["serial"]);
  info.lineage = fields["lineage"];
  info.terraform_version = fields["terraform_version"];
  info.size = v.document.size();
  info.sha256 = Sha256(v.document);
  info.writer = fields["writer"];
  info.operation = fields["operation"];
  info.lock_id = fields["lock_id"];
  info.lock_base = Number(fields["lock_base"]);
  info.time_ms = static_cast<int64_t>(Number(fields["time_ms"]));
  info.newest_real = Number(fields["newest_version"]);
  return v;
}

void CheckVector(const Suite& suite, Fields fields) {
  const Vector v = Make(suite, fields);
  Result<Bytes> sealed =
      SealEnvelope(suite, v.key, v.message, v.where, v.info, v.document, v.chunk_log2);
  CHECK(sealed.ok());
  if (fields["record"].empty()) FAIL(("record = " + HexEncode(*sealed)).c_str());
  const Bytes record = FromHex(fields["record"]);
  Result<Header> header = ParseHeader(record);
  CHECK(header.ok());
  // Another zstd may compress to other bytes; they must only open to the same.
  if (!header->zstd || fields["zstd"] == ZSTD_versionString()) {
    CHECK_TEXT(*sealed == record, ("record = " + HexEncode(*sealed)).c_str());
  }
  for (const Bytes* bytes : std::initializer_list<const Bytes*>{&record, &*sealed}) {
    Result<Opened> opened = OpenEnvelope(suite, v.key.key, *header, v.where, *bytes);
    if (!opened.ok()) FAIL(opened.status().detail().c_str());
    CHECK(ByteView(opened->document) == ByteView(v.document));
    CHECK(*EncodeSealedInfo(opened->info) == *EncodeSealedInfo(v.info));
  }
  CHECK(header->key_id == v.key.id);
  CHECK(header->wrapped == v.key.wrapped);
  CHECK(fields["wrapped"].empty() == fields["bound"].empty());
  if (fields["bound"].empty()) return;
  STRCMP_EQUAL(fields["bound"].c_str(), HexEncode(*BindKey(v.key.key, v.where)).c_str());
}

}  // namespace

TEST_GROUP(EnvelopeVectors){};

TEST(EnvelopeVectors, AllOpenAndAreMadeAgain) {
  const auto suite = *Suite::Load();
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/data/envelope")) {
    if (entry.path().extension() != ".txt") continue;
    CheckVector(*suite, Read(entry.path()));
    ++seen;
  }
  CHECK(seen >= 8);
}

}  // namespace stateward
