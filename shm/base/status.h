// Thread rule: plain values; each object belongs to one thread at a time.
//
// Errors are values: libraries return Status or Result<T>, never print, abort or throw.
// A message is one line in lower case. It names the next step where the user can do something.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "shm/base/requires.h"

namespace smiley {

enum class Code {
  kOk = 0,
  kNotFound,     // no such run, file, segment
  kInvalid,      // bad argument or request
  kDamaged,      // bytes that fail a check
  kForeign,      // belongs to another user or home, or has another mode
  kVersion,      // written by another version
  kNoSpace,      // disk or shared memory full
  kPermission,   // the system refused
  kBusy,         // in use by another process (lock, running run)
  kGone,         // the peer or process ended
  kInterrupted,  // a signal asked to stop
  kIo,           // any other system error
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}
  static Status Ok() { return {}; }
  // `what` + ": " + strerror(saved_errno), with the code that fits the errno.
  static Status FromErrno(const std::string& what, int saved_errno);

  bool ok() const { return code_ == Code::kOk; }
  explicit operator bool() const { return ok(); }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

// Either a value or a Status that is not ok.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}          // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(std::move(status)) {}  // NOLINT(google-explicit-constructor)
  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Status& status() const { return status_; }
  // The value. All six functions REQUIRE ok().
  T& value() {
    SMILEY_REQUIRES(ok());
    return *value_;
  }
  const T& value() const {
    SMILEY_REQUIRES(ok());
    return *value_;
  }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace smiley
