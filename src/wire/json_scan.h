// Finding the ends of JSON strings and values, many bytes at a time. Used by json_grammar.cc and
// json.cc; apart from find_string_special() they rely on text that was checked, and still never
// leave it.
#pragma once
#include "base/bytes.h"

namespace posthorn::wire {

// The first quote, backslash or control byte in [at, end); `end` when there is none.
const char* find_string_special(const char* at, const char* end);

// `at` is at the opening quote; the result is behind the closing one.
const char* string_end(const char* at, const char* end);

// `at` is at the first byte of a value; the result is behind its last.
const char* value_end(const char* at, const char* end);

const char* skip_space(const char* at, const char* end);

}  // namespace posthorn::wire
