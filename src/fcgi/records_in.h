// Records in: takes the bytes of a connection apart, in whatever pieces they come.
//
// Accepted is one request at a time: BEGIN_REQUEST for a responder, PARAMS up to the empty record,
// STDIN up to the empty record, all with one id. Anything else (a management record, another id,
// another version or role, a stream that breaks off within a pair, too many parameters) is kBad,
// and so is what follows the request before Reset().
// Source of the format: FastCGI 1.0 specification, sections 3.3, 3.4, 5.1 to 5.4.
//
// Not synchronised.
#ifndef STATEWARD_FCGI_RECORDS_IN_H_
#define STATEWARD_FCGI_RECORDS_IN_H_

#include <cstddef>
#include <cstdint>

#include "fcgi/record.h"
#include "stateward/bytes.h"

namespace stateward {

// A request of nginx or Apache has some 30 parameters; the Authorization header may be 16 KiB.
inline constexpr size_t kMaxParamBytes = size_t{64} * 1024;
inline constexpr size_t kMaxParams = 256;
// A web server sends the parameters in one record, or in full ones.
inline constexpr size_t kMaxParamRecords = 2048;

// Counts name-value pairs in a stream that comes in pieces (section 3.4).
class PairCounter {
 public:
  // False: too many, or too long.
  bool Feed(ByteView bytes);
  // The stream may end only between two pairs.
  bool AtPairEnd() const { return skip_ == 0 && lengths_ == 0 && more_ == 0; }

 private:
  bool FeedLength(uint8_t byte);

  size_t total_ = 0;
  size_t count_ = 0;
  size_t skip_ = 0;  // bytes of a name and its value
  size_t pair_ = 0;
  size_t length_ = 0;
  int lengths_ = 0;  // of the pair, that were read
  int more_ = 0;     // bytes of a four-byte length
};

class RecordsIn {
 public:
  enum class Kind : uint8_t {
    kMore,     // all bytes are used up
    kParams,   // a piece of the parameter stream
    kHeadEnd,  // the parameters are whole
    kBody,     // a piece of the body
    kEnd,      // the request is whole
    kBad,      // never to be spoken with again
  };
  struct Step {
    Kind kind = Kind::kMore;
    ByteView bytes;  // of kParams and kBody: part of the input
  };

  // The next step; takes the bytes that it used from the front of `*in`.
  Step Next(ByteView* in);
  // Makes ready for another request. REQUIRES: kEnd was seen
  void Reset() { *this = RecordsIn(); }

  bool started() const { return part_ != Part::kBegin || have_ > 0; }
  bool ended() const { return part_ == Part::kDone; }
  // Both are meaningful once the head began.
  bool keep() const { return keep_; }  // the web server wants to keep the connection
  uint16_t id() const { return id_; }

 private:
  enum class Part : uint8_t { kBegin, kParams, kStdin, kDone, kBad };
  Step Bad();
  bool TakeHeader();
  bool TakeBegin();
  // Of an empty record: what it ends.
  Step Ended();

  Part part_ = Part::kBegin;
  uint8_t header_[kRecordHeader + kBeginBody] = {};
  size_t have_ = 0;      // bytes of header_
  bool inside_ = false;  // the header was read; content or padding follows
  bool empty_ = false;   // of the record: it has no content
  size_t content_ = 0;   // bytes of the record that are still to come
  size_t padding_ = 0;
  size_t param_records_ = 0;
  uint16_t id_ = 0;
  bool keep_ = false;
  PairCounter pairs_;
};

}  // namespace stateward

#endif  // STATEWARD_FCGI_RECORDS_IN_H_
