// Result<T>: the value, or an Error that says what went wrong in words meant for a person. Value
// type.
//
// Expected failures (a file that is not there, a peer that sends nonsense) travel as Results; bugs
// are asserts; no exception leaves a room.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "sdk/base/assert.h"

namespace btb {

enum class Errc : unsigned char {
  invalid,      // the input breaks a rule
  limit,        // the input is beyond a limit
  not_found,    // there is no such thing
  exists,       // there is one already
  refused,      // not allowed, or the other side said no
  unavailable,  // cannot be reached now; trying again may help
  timeout,      // it took too long
  closed,       // the other side is gone
  io,           // the operating system said no; the text holds its words
  unsupported,  // this build or this peer cannot do it
};

struct Error {
  Errc code = Errc::invalid;
  std::string text;  // one line, no newline at the end, may hold bytes from outside: escape before
                     // a terminal
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)
  static Result failure(Errc code, std::string text) { return Error{code, std::move(text)}; }

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // REQUIRES: ok().
  T& value() & { return get(); }
  const T& value() const& { return const_cast<Result*>(this)->get(); }
  T&& value() && { return std::move(get()); }
  T& operator*() & { return get(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(get()); }
  T* operator->() { return &get(); }
  const T* operator->() const { return &value(); }

  // REQUIRES: !ok().
  [[nodiscard]] const Error& error() const {
    BTB_ASSERT(!ok());
    return std::get<1>(state_);
  }

 private:
  T& get() {
    BTB_ASSERT(ok());
    return std::get<0>(state_);
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
  static Result failure(Errc code, std::string text) { return Error{code, std::move(text)}; }

  [[nodiscard]] bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] const Error& error() const {
    BTB_ASSERT(!ok());
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace btb
