// pure: the table of errors and their JSON.
#include "api/errors.h"

#include <algorithm>

#include "wire/json_writer.h"

namespace posthorn::api {
namespace {

// Messages of the system name paths, which are nobody's business outside.
bool tells_its_message(Errc code) {
  if (code == Errc::kNoSpace) return false;
  switch (error_class(code)) {
    case ErrorClass::kCorrupt:
    case ErrorClass::kInternal:
      return false;
    case ErrorClass::kTransient:
      return code == Errc::kUnavailable;
    default:
      return true;
  }
}

std::string_view fallback_detail(Errc code) {
  if (code == Errc::kUnknownOutcome) {
    return "It is not known whether this was stored: repeat it with the same idempotency-key";
  }
  if (code == Errc::kNoSpace) {
    return "The server's disk is nearly full: nothing was stored. Try again later";
  }
  if (error_class(code) == ErrorClass::kTransient) return "Not possible now: try again";
  return "Internal error: the server's log says more";
}

// The rules of configuration name their field in front: "url: must start with https://".
std::string_view leading_field(std::string_view message) {
  const size_t colon = message.find(": ");
  if (colon == std::string_view::npos || colon == 0) return {};
  const std::string_view field = message.substr(0, colon);
  const bool name = std::all_of(field.begin(), field.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  return name ? field : std::string_view();
}

void append_issue(wire::JsonWriter& json, const model::FieldIssue& issue) {
  json.begin_object();
  json.key("loc");
  json.begin_array();
  for (const std::string& part : issue.loc) json.string(part);
  json.end_array();
  json.key("msg");
  json.string(issue.msg);
  json.key("type");
  json.string(issue.type);
  json.end_object();
}

void append_issues(wire::JsonWriter& json, const model::Refusal& refusal) {
  json.begin_array();
  for (const model::FieldIssue& issue : refusal.issues) append_issue(json, issue);
  if (refusal.issues.empty()) {
    model::FieldIssue issue{{"body"}, refusal.error.message};
    if (const auto field = leading_field(refusal.error.message); !field.empty()) {
      issue.loc.emplace_back(field);
      issue.msg.erase(0, field.size() + 2);
    }
    append_issue(json, issue);
  }
  json.end_array();
}

}  // namespace

ErrorFace face_of(Errc code) {
  switch (code) {
    case Errc::kInvalid:
      return {422, "validation"};
    case Errc::kTooLarge:
      return {413, "payload_too_large"};
    case Errc::kUnauthorized:
      return {401, "authentication_failed"};
    case Errc::kForbidden:
    case Errc::kRefused:
      return {403, "insufficient_access"};
    case Errc::kNotFound:
      return {404, "not_found"};
    case Errc::kGone:
      return {410, "gone"};
    case Errc::kConflict:
      return {409, "conflict"};
    case Errc::kOverloaded:
      return {429, "overloaded", 1};
    case Errc::kNoSpace:
      return {507, "no_space", 30};
    case Errc::kUnavailable:
    case Errc::kTimeout:
    case Errc::kDisconnected:
      return {503, "unavailable", 1};
    case Errc::kUnknownOutcome:
      return {503, "unknown_outcome", 1};
    case Errc::kIo:
    case Errc::kCorrupt:
    case Errc::kUnsupported:
    case Errc::kInternal:
      return {500, "internal"};
  }
  return {500, "internal"};
}

void append_refusal(std::string& out, const model::Refusal& refusal) {
  const Errc code = refusal.error.code;
  wire::JsonWriter json(out);
  json.begin_object();
  json.key("code");
  json.string(face_of(code).code);
  json.key("detail");
  if (code == Errc::kInvalid) {
    append_issues(json, refusal);
  } else {
    json.string(tells_its_message(code) ? std::string_view(refusal.error.message)
                                        : fallback_detail(code));
  }
  json.end_object();
}

http::Response refusal_response(const model::Refusal& refusal) {
  const ErrorFace face = face_of(refusal.error.code);
  http::Response response;
  response.status = face.status;
  append_refusal(response.body, refusal);
  if (face.retry_after_seconds != 0) {
    response.headers.push_back({"retry-after", std::to_string(face.retry_after_seconds)});
  }
  if (face.status == 401) response.headers.push_back({"www-authenticate", "Bearer"});
  return response;
}

http::Response error_response(Error error) {
  return refusal_response(model::Refusal{std::move(error), {}});
}

std::string error_body(int status, std::string_view reason) {
  const auto code = [status]() -> std::string_view {
    switch (status) {
      case 401:
        return "authentication_failed";
      case 408:
        return "timeout";
      case 413:
        return "payload_too_large";
      case 431:
        return "headers_too_large";
      case 503:
        return "unavailable";
      default:
        return status >= 500 ? "internal" : "bad_request";
    }
  };
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object();
  json.key("code");
  json.string(code());
  json.key("detail");
  json.string(reason);
  json.end_object();
  return out;
}

}  // namespace posthorn::api
