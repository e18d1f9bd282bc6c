// What a step of a lock service runs in, when a storage may take part in it.
//
// Opened and ended by the locker, handed to the callback (LockView, BaseAsk) and from there to
// Storage::Within. Only the backends of one service know what it is. Used by one thread.
#ifndef STATEWARD_TRANSACTION_H_
#define STATEWARD_TRANSACTION_H_

namespace stateward {

class Transaction {
 public:
  virtual ~Transaction() = default;

 protected:
  Transaction() = default;
};

}  // namespace stateward

#endif  // STATEWARD_TRANSACTION_H_
