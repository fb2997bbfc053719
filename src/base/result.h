// Result<T>: a value or an Error, for expected failures. Nobody in src/ throws.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/errc.h"

namespace posthorn {

// What went wrong and, where a person can act on it, what to do.
struct Error {
  Errc code = Errc::kInternal;
  std::string message;

  // Prefixes the message with what the caller was doing; once per layer.
  Error context(std::string_view doing) && {
    message.insert(0, ": ");
    message.insert(0, doing);
    return std::move(*this);
  }
};

inline Error error(Errc code, std::string message) { return Error{code, std::move(message)}; }

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  // NOLINTNEXTLINE(google-explicit-constructor): `return value;` is the point
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): `return error(...);` too
  Result(Error failure) : state_(std::in_place_index<1>, std::move(failure)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    CHECK(ok(), "value() of an error: {}", error_text());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    CHECK(ok(), "value() of an error: {}", error_text());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    CHECK(ok(), "value() of an error: {}", error_text());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    CHECK(!ok(), "error() of a value");
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    CHECK(!ok(), "error() of a value");
    return std::move(*std::get_if<1>(&state_));
  }

  T value_or(T fallback) && { return ok() ? std::move(*this).value() : std::move(fallback); }

  Result context(std::string_view doing) && {
    if (ok()) return std::move(*this);
    return std::move(*this).error().context(doing);
  }

 private:
  std::string_view error_text() const {
    const Error* failure = std::get_if<1>(&state_);
    return failure ? std::string_view(failure->message) : std::string_view();
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error failure) : error_(std::move(failure)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const& {
    CHECK(!ok(), "error() of a success");
    return *error_;
  }
  Error&& error() && {
    CHECK(!ok(), "error() of a success");
    return std::move(*error_);
  }

  Result context(std::string_view doing) && {
    if (ok()) return {};
    return std::move(*error_).context(doing);
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace posthorn

// Returns the error of a Status or Result from the calling function. One statement, also after an
// `if` without braces; no block, so it nests no deeper than the `return` it stands for.
#define PH_TRY(expression)                                                                   \
  do                                                                                         \
    if (auto ph_status = (expression); !ph_status.ok()) return std::move(ph_status).error(); \
  while (false)

// Declares `variable` with the value of a Result, or returns its error.
#define PH_ASSIGN(variable, expression) \
  PH_ASSIGN_IMPL(PH_CONCAT(ph_result_, __LINE__), variable, expression)
#define PH_ASSIGN_IMPL(temporary, variable, expression)     \
  auto temporary = (expression);                            \
  if (!temporary.ok()) return std::move(temporary).error(); \
  variable = std::move(temporary).value()
#define PH_CONCAT(a, b) PH_CONCAT_IMPL(a, b)
#define PH_CONCAT_IMPL(a, b) a##b
