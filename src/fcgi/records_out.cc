#include "fcgi/records_out.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace stateward {
namespace {

// Of one call: 1 MiB, more than a socket takes at once.
constexpr size_t kRecordsAtOnce = 16;
// An empty STDOUT record ends the stream, END_REQUEST the request.
constexpr size_t kEndSize = 2 * kRecordHeader + kEndBody;

// The pieces of one call. A piece that was written in part is shortened at its front.
class Pieces {
 public:
  void Add(const void* data, size_t size, size_t* skip) {
    size_t gone = std::min(*skip, size);
    *skip -= gone;
    if (gone == size) return;
    v_[count_].iov_base = const_cast<uint8_t*>(static_cast<const uint8_t*>(data)) + gone;
    v_[count_++].iov_len = size - gone;
  }
  ssize_t Send(int fd) {
    msghdr message{};
    message.msg_iov = v_;
    message.msg_iovlen = count_;
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  size_t count() const { return count_; }

 private:
  iovec v_[kRecordsAtOnce * 3 + 1] = {};
  size_t count_ = 0;
};

}  // namespace

void RecordsOut::Start(uint16_t id, std::string head, SecretBytes document) {
  Clear();
  id_ = id;
  head_ = std::move(head);
  document_ = std::move(document);
}

void RecordsOut::Clear() {
  head_.clear();
  SecretBytes().swap(document_);
  at_ = 0;
  in_record_ = 0;
  end_ = false;
  end_written_ = 0;
}

RecordsOut::Result RecordsOut::Write(int fd, size_t* taken) {
  for (;;) {
    Pieces pieces;
    uint8_t headers[kRecordsAtOnce][kRecordHeader];
    size_t skip = in_record_;
    size_t from = at_;
    for (size_t i = 0; i < kRecordsAtOnce && from < StreamSize(); ++i) {
      size_t size = std::min(kMaxContent, StreamSize() - from);
      PutRecordHeader(RecordType::kStdout, id_, size, headers[i]);
      pieces.Add(headers[i], kRecordHeader, &skip);
      size_t of_head = from < head_.size() ? std::min(size, head_.size() - from) : 0;
      if (of_head > 0) pieces.Add(head_.data() + from, of_head, &skip);
      if (size > of_head) {
        pieces.Add(document_.data() + (from + of_head - head_.size()), size - of_head, &skip);
      }
      from += size;
    }
    uint8_t end[kEndSize] = {};
    if (end_ && from == StreamSize() && end_written_ < kEndSize) {
      PutRecordHeader(RecordType::kStdout, id_, 0, end);
      PutRecordHeader(RecordType::kEndRequest, id_, kEndBody, end + kRecordHeader);
      size_t gone = end_written_;
      pieces.Add(end, kEndSize, &gone);
    }
    if (pieces.count() == 0) return Result::kDone;
    ssize_t n = pieces.Send(fd);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN ? Result::kLater : Result::kBroken;
    *taken += static_cast<size_t>(n);
    in_record_ += static_cast<size_t>(n);
    while (at_ < StreamSize()) {
      size_t size = std::min(kMaxContent, StreamSize() - at_);
      if (in_record_ < kRecordHeader + size) break;
      in_record_ -= kRecordHeader + size;
      at_ += size;
    }
    if (at_ == StreamSize()) {
      end_written_ += in_record_;
      in_record_ = 0;
    }
  }
}

}  // namespace stateward
