// Records out: an answer as FastCGI records, written as fast as the peer takes it. The document is
// not copied: writev takes it from where it lies, between the records' headers.
//
// Not synchronised.
#ifndef STATEWARD_FCGI_RECORDS_OUT_H_
#define STATEWARD_FCGI_RECORDS_OUT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "fcgi/record.h"
#include "stateward/bytes.h"

namespace stateward {

class RecordsOut {
 public:
  enum class Result : uint8_t {
    kDone,    // all was taken
    kLater,   // the peer takes no more just now
    kBroken,  // the connection is of no use any more
  };

  // Begins an answer: `head` and `document` become one stream of STDOUT records, without its end.
  void Start(uint16_t id, std::string head, SecretBytes document);
  // Behind what was started: the end of the stream and of the request.
  void End() { end_ = true; }
  // Writes without waiting. `*taken`: bytes that went.
  Result Write(int fd, size_t* taken);
  // Forgets everything; the document is wiped.
  void Clear();

 private:
  size_t StreamSize() const { return head_.size() + document_.size(); }

  uint16_t id_ = 0;
  std::string head_;
  SecretBytes document_;
  size_t at_ = 0;           // of the stream: where the record that is being written begins
  size_t in_record_ = 0;    // bytes of that record, with its header, that went
  bool end_ = false;        // the end may be written
  size_t end_written_ = 0;  // bytes of it
};

}  // namespace stateward

#endif  // STATEWARD_FCGI_RECORDS_OUT_H_
