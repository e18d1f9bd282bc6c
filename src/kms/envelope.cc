#include "kms/envelope.h"

#include <algorithm>
#include <string>
#include <utility>

#include "kms/chunks.h"
#include "kms/sealed_info.h"
#include "kms/zstd_stream.h"
#include "stateward/secret.h"

namespace stateward {
namespace {

// A record being made. The header waits for the first piece of the document: only then is it known
// whether compressing pays.
class Sealing {
 public:
  Sealing(const Suite& suite, Header header, const SealContext& where, ByteView info,
          ByteView document)
      : suite_(suite),
        header_(std::move(header)),
        where_(where),
        info_(info),
        document_(document) {}

  Result<Bytes> Run(ByteView key) {
    if (document_.empty()) return Raw(key);
    SecretBytes piece(std::min(header_.chunk_bytes(), ZstdCompressor::Bound(document_.size())));
    Result<ZstdCompressor> zstd =
        ZstdCompressor::Start(suite_.compressors(), document_, piece.size());
    if (!zstd.ok()) return zstd.status();
    Result<size_t> n = zstd->Next(piece.data(), piece.size());
    if (!n.ok()) return n.status();
    // The first piece speaks for the rest: what follows cannot grow by more than 3 bytes in 128
    // KiB.
    if (!zstd->Pays()) return Raw(key);
    return Compressed(key, std::move(*zstd), std::move(piece), *n);
  }

 private:
  Result<Bytes> Raw(ByteView key) {
    Bytes out;
    header_.zstd = false;
    Result<ChunkSealer> chunks = Start(key, document_.size(), &out);
    if (!chunks.ok()) return chunks.status();
    size_t done = 0;
    do {
      const size_t n = std::min(header_.chunk_bytes(), document_.size() - done);
      const bool last = done + n == document_.size();
      STATEWARD_RETURN_IF_ERROR(chunks->Add(document_.Sub(done, n), last));
      done += n;
    } while (done < document_.size());
    return out;
  }

  Result<Bytes> Compressed(ByteView key, ZstdCompressor zstd, SecretBytes piece, size_t n) {
    Bytes out;
    header_.zstd = true;
    // Room for the worst case. Pages that are not written to cost nothing.
    const size_t most = zstd.finished() ? n : ZstdCompressor::Bound(document_.size());
    Result<ChunkSealer> chunks = Start(key, most, &out);
    if (!chunks.ok()) return chunks.status();
    while (true) {
      STATEWARD_RETURN_IF_ERROR(chunks->Add(ByteView(piece.data(), n), zstd.finished()));
      if (zstd.finished()) return out;
      Result<size_t> more = zstd.Next(piece.data(), piece.size());
      if (!more.ok()) return more.status();
      n = *more;
    }
  }

  // Writes header and sealed info, and makes room for a body of plain_bytes.
  Result<ChunkSealer> Start(ByteView key, size_t plain_bytes, Bytes* out) {
    Result<Gcm> gcm = suite_.Sealer(key);
    if (!gcm.ok()) return gcm.status();
    Result<Bytes> aad = AssociatedData(header_, where_);
    if (!aad.ok()) return aad.status();
    const size_t tags = (plain_bytes / header_.chunk_bytes() + 2) * kTagBytes;
    out->reserve(header_.size() + info_.size() + plain_bytes + tags);
    out->assign(aad->begin(), aad->begin() + static_cast<ptrdiff_t>(header_.size()));
    ChunkSealer chunks(*std::move(gcm), *std::move(aad), out);
    STATEWARD_RETURN_IF_ERROR(chunks.Add(info_, false));
    return chunks;
  }

  const Suite& suite_;
  Header header_;
  const SealContext& where_;
  ByteView info_;
  ByteView document_;
};

// A record whose key is known to be the one it was made with, and whose front has been opened.
struct Front {
  ChunkOpener chunks;
  SealedInfo info;
};

Result<Front> OpenFront(const Suite& suite, ByteView key, const Header& header,
                        const SealContext& where, ByteView record) {
  if (record.size() - header.size() < header.info_size + kTagBytes) {
    return Status::Corruption("sealed record: truncated in the sealed info");
  }
  const MessageSecrets secrets = suite.Derive(key, header.message_id);
  // A record that opens under two keys could show two documents; the commitment allows one.
  if (!EqualInConstantTime(secrets.commitment, header.commitment)) {
    return Status::Corruption("sealed record: made with another key than it names, or damaged");
  }
  Result<Gcm> gcm = suite.Opener(secrets.key);
  if (!gcm.ok()) return gcm.status();
  Result<Bytes> aad = AssociatedData(header, where);
  if (!aad.ok()) return aad.status();
  ChunkOpener chunks(*std::move(gcm), *std::move(aad));
  SecretBytes plain(header.info_size);
  STATEWARD_RETURN_IF_ERROR(
      chunks.Next(record.Sub(header.size(), header.info_size + kTagBytes), false, plain.data()));
  Result<SealedInfo> info = DecodeSealedInfo(plain);
  if (!info.ok()) return info.status();
  return Front{std::move(chunks), *std::move(info)};
}

// Opens chunk after chunk of `body`; each goes to where place(bytes) says, then to take(bytes).
template <typename Place, typename Take>
Status OpenBody(ChunkOpener* chunks, ByteView body, const BodyLayout& layout, size_t chunk_bytes,
                const Place& place, const Take& take) {
  for (uint64_t i = 0; i < layout.chunks; ++i) {
    const size_t n = std::min(body.size(), chunk_bytes + kTagBytes);
    uint8_t* to = place(n - kTagBytes);
    STATEWARD_RETURN_IF_ERROR(chunks->Next(body.Sub(0, n), n == body.size(), to));
    STATEWARD_RETURN_IF_ERROR(take(ByteView(to, n - kTagBytes)));
    body = body.Sub(n, body.size() - n);
  }
  return Status();
}

// The size was sealed by somebody who has the key; it is checked all the same before room is made.
Status CheckSize(const Header& header, const BodyLayout& layout, uint64_t size) {
  // A block of zstd gives at most 128 KiB and takes at least 4 bytes.
  constexpr uint64_t kMostPerByte = uint64_t{128} * 1024 / 4;
  const bool possible = header.zstd ? size / kMostPerByte <= layout.plain : size == layout.plain;
  if (!possible || size > kMaxDocument) {
    return Status::Corruption("sealed record: the document cannot have " + std::to_string(size) +
                              " bytes");
  }
  return Status();
}

Status OpenRaw(const Suite&, ChunkOpener* chunks, ByteView body, const BodyLayout& layout,
               size_t chunk_bytes, SecretBytes* document) {
  uint8_t* to = document->data();
  const auto place = [&to](size_t n) { return std::exchange(to, to + n); };
  return OpenBody(chunks, body, layout, chunk_bytes, place, [](ByteView) { return Status(); });
}

Status OpenCompressed(const Suite& suite, ChunkOpener* chunks, ByteView body,
                      const BodyLayout& layout, size_t chunk_bytes, SecretBytes* document) {
  Result<ZstdDecompressor> zstd =
      ZstdDecompressor::Start(suite.decompressors(), document->data(), document->size());
  if (!zstd.ok()) return zstd.status();
  SecretBytes piece(std::min<uint64_t>(chunk_bytes, layout.plain));
  const auto place = [&piece](size_t) { return piece.data(); };
  STATEWARD_RETURN_IF_ERROR(OpenBody(chunks, body, layout, chunk_bytes, place,
                                     [&zstd](ByteView plain) { return zstd->Add(plain); }));
  return zstd->Finish();
}

}  // namespace

Result<Bytes> SealEnvelope(const Suite& suite, const MessageKey& key, const MessageId& message,
                           const SealContext& where, const SealedInfo& info, ByteView document,
                           uint8_t chunk_log2) {
  if (document.size() > kMaxDocument) return Status(Code::kTooLarge, "no document can be so large");
  if (info.version.size != document.size()) {
    return Status::InvalidArgument("sealed info: says " + std::to_string(info.version.size) +
                                   " bytes, the document has " + std::to_string(document.size()));
  }
  if (key.wrapped.size() > kMaxWrapped) return Status::Internal("the wrapped key is too long");
  Result<SecretBytes> front = EncodeSealedInfo(info);
  if (!front.ok()) return front.status();
  const MessageSecrets secrets = suite.Derive(key.key, message);
  Header header;
  header.format = static_cast<uint8_t>(where.format);
  header.chunk_log2 = chunk_log2;
  header.key_id = key.id;
  header.message_id = message;
  header.commitment = secrets.commitment;
  header.info_size = static_cast<uint16_t>(front->size());
  header.wrapped = key.wrapped;
  return Sealing(suite, std::move(header), where, *front, document).Run(secrets.key);
}

Result<Opened> OpenEnvelope(const Suite& suite, ByteView key, const Header& header,
                            const SealContext& where, ByteView record) {
  Result<Front> front = OpenFront(suite, key, header, where, record);
  if (!front.ok()) return front.status();
  const size_t body_at = header.size() + header.info_size + kTagBytes;
  const ByteView body = record.Sub(body_at, record.size() - body_at);
  Result<BodyLayout> layout = LayOutBody(body.size(), header.chunk_bytes());
  if (!layout.ok()) return layout.status();
  const uint64_t size = front->info.version.size;
  STATEWARD_RETURN_IF_ERROR(CheckSize(header, *layout, size));
  Opened opened;
  opened.document.resize(size);
  const auto open = header.zstd ? OpenCompressed : OpenRaw;
  STATEWARD_RETURN_IF_ERROR(
      open(suite, &front->chunks, body, *layout, header.chunk_bytes(), &opened.document));
  opened.info = std::move(front->info);
  return opened;
}

Result<SealedInfo> OpenEnvelopeInfo(const Suite& suite, ByteView key, const Header& header,
                                    const SealContext& where, ByteView prefix) {
  Result<Front> front = OpenFront(suite, key, header, where, prefix);
  if (!front.ok()) return front.status();
  return std::move(front->info);
}

}  // namespace stateward
