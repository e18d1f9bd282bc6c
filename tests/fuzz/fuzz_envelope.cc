// Every input, taken for a record and for what lies in one.
//
// As a record it opens only if it is one of the kept ones, which are the seeds. As the contents
// (sealed here, so that the reader goes past the authentication) it may open or not, but a document
// that comes out has the size and the frame that it claims.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>

#include "kms/chunks.h"
#include "kms/envelope.h"
#include "kms/keyring.h"
#include "kms/sealed_info.h"

namespace stateward {
namespace {

void Demand(bool holds) {
  if (!holds) std::abort();
}

struct Fixture {
  std::shared_ptr<const Suite> suite = *Suite::Load();
  SecretBytes key;
  SealContext where;
  Fixture() {
    for (uint8_t i = 0; i < kKeyBytes; ++i) key.push_back(i);
    where = {"00112233445566778899aabbccddeeff", StateId::Of({"", "network", "prod"}), 7};
  }
};

void OpenAsRecord(const Fixture& f, ByteView bytes) {
  Result<Header> header = ParseHeader(bytes);
  if (!header.ok()) return;
  Demand(EncodeHeader(*header) == Bytes(bytes.begin(), bytes.begin() + header->size()));
  Result<SealedInfo> info = OpenEnvelopeInfo(*f.suite, f.key, *header, f.where, bytes);
  Result<Opened> opened = OpenEnvelope(*f.suite, f.key, *header, f.where, bytes);
  if (!info.ok()) Demand(info.status().code() == Code::kCorruption);
  if (!opened.ok()) Demand(opened.status().code() == Code::kCorruption);
  if (opened.ok()) Demand(info.ok() && opened->document.size() == info->version.size);
}

// bytes: flags and chunk size, length of the info, info, the document's stream.
void OpenAsContents(const Fixture& f, ByteView bytes) {
  if (bytes.size() < 2) return;
  Header header;
  header.zstd = (bytes[0] & 1) != 0;
  header.chunk_log2 = static_cast<uint8_t>(kMinChunkLog2 + (bytes[0] >> 7));
  header.info_size = bytes[1];
  bytes = bytes.Sub(2, bytes.size() - 2);
  if (bytes.size() < header.info_size) return;
  const ByteView info = bytes.Sub(0, header.info_size);
  const ByteView body = bytes.Sub(info.size(), bytes.size() - info.size());
  const MessageSecrets secrets = f.suite->Derive(f.key, header.message_id);
  header.commitment = secrets.commitment;
  Bytes record = EncodeHeader(header);
  ChunkSealer chunks(*f.suite->Sealer(secrets.key), *AssociatedData(header, f.where), &record);
  Demand(chunks.Add(info, false).ok());
  size_t done = 0;
  do {
    const size_t n = std::min(header.chunk_bytes(), body.size() - done);
    Demand(chunks.Add(body.Sub(done, n), done + n == body.size()).ok());
    done += n;
  } while (done < body.size());

  Result<Opened> opened = OpenEnvelope(*f.suite, f.key, header, f.where, record);
  Result<SealedInfo> front = DecodeSealedInfo(info);
  if (!opened.ok()) return Demand(opened.status().code() == Code::kCorruption);
  Demand(front.ok() && opened->document.size() == front->version.size);
  if (!header.zstd) Demand(ByteView(opened->document) == body);
}

}  // namespace
}  // namespace stateward

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const stateward::Fixture fixture;
  stateward::OpenAsRecord(fixture, {data, size});
  stateward::OpenAsContents(fixture, {data, size});
  return 0;
}
