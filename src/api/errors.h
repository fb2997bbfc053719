// pure: the only place that maps errors to HTTP: status, code, body. Every answer is JSON.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"
#include "model/refusal.h"

namespace posthorn::api {

// How an error looks from outside.
struct ErrorFace {
  int status = 500;
  std::string_view code;        // for programs; docs/errors.md explains each
  int retry_after_seconds = 0;  // 0: no such header
};
ErrorFace face_of(Errc code);

// {"code","detail"}; for invalid input {"code","detail":[{"loc","msg","type"}]}. What is internal
// is not told outside.
void append_refusal(std::string& out, const model::Refusal& refusal);

http::Response refusal_response(const model::Refusal& refusal);
http::Response error_response(Error error);

// The body of an answer that the server itself gives to a request it could not read.
std::string error_body(int status, std::string_view reason);

}  // namespace posthorn::api
