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

  // What is stored next is the last that belongs to the step: storing it may end the
  // transaction with it. What is asked afterwards is asked outside of the step.
  void ExpectLast() { last_ = true; }

 protected:
  Transaction() = default;
  bool last_ = false;
};

}  // namespace stateward

#endif  // STATEWARD_TRANSACTION_H_
