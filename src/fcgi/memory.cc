#include "fcgi/memory.h"

namespace stateward {

uint64_t Memory::Used() const {
  std::lock_guard<std::mutex> hold(mutex_);
  return used_;
}

void Memory::Charge::Belongs(std::string_view principal, bool small) {
  std::lock_guard<std::mutex> hold(memory_.mutex_);
  if (small || account_ != nullptr) return;
  small_ = false;
  principal_ = principal;
  account_ = &memory_.accounts_[principal_];
  ++account_->users;
  account_->used += taken_;
  memory_.large_ += taken_;
}

bool Memory::Charge::FitsLocked(uint64_t n) const {
  uint64_t free =
      memory_.limit_ - (memory_.used_ < memory_.limit_ ? memory_.used_ : memory_.limit_);
  if (small_) return n <= free;
  if (memory_.large_ == taken_) return true;  // nobody else's
  if (n > free || free - n < memory_.reserve_) return false;
  return account_->used == taken_ || account_->used + n <= memory_.share_;
}

bool Memory::Charge::Fits(uint64_t n) const {
  std::lock_guard<std::mutex> hold(memory_.mutex_);
  return FitsLocked(n);
}

bool Memory::Charge::Grow(uint64_t n) {
  std::lock_guard<std::mutex> hold(memory_.mutex_);
  if (!FitsLocked(n)) return false;
  taken_ += n;
  memory_.used_ += n;
  if (small_) return true;
  memory_.large_ += n;
  account_->used += n;
  return true;
}

void Memory::Charge::Release() {
  if (taken_ == 0 && account_ == nullptr) return;
  std::lock_guard<std::mutex> hold(memory_.mutex_);
  memory_.used_ -= taken_;
  if (account_ != nullptr) {
    memory_.large_ -= taken_;
    account_->used -= taken_;
    if (--account_->users == 0) memory_.accounts_.erase(principal_);
  }
  taken_ = 0;
  small_ = true;
  account_ = nullptr;
}

}  // namespace stateward
