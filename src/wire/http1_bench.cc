#include <benchmark/benchmark.h>

#include "wire/http1_request.h"
#include "wire/http1_response.h"

namespace posthorn::wire {
namespace {

std::string request() {
  return "POST /api/v1/app/app_2ZcQ0gYv0000000000000000000/msg HTTP/1.1\r\nHost: 127.0.0.1:8071\r\n"
         "User-Agent: svix-libs/1.99.1/javascript\r\nAccept: application/json\r\n"
         "Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJvcmdfMjNyYjhZZEdx"
         "TVQwcUl6cGdHd2RYZkhpck11In0.0123456789012345678901234567890123456789012\r\n"
         "Content-Type: application/json\r\nIdempotency-Key: auto_5f7c1d3e-0000-4000-8000\r\n"
         "Content-Length: 1024\r\n\r\n" +
         std::string(1024, 'x');
}

void request_head(benchmark::State& state) {
  const std::string text = request();
  RequestParser parser({});
  for (auto _ : state) {
    parser.reset();
    benchmark::DoNotOptimize(parser.parse(text));
  }
}
BENCHMARK(request_head);

void response_head(benchmark::State& state) {
  const std::string text =
      "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 17:00:00 GMT\r\nServer: nginx\r\n"
      "Content-Type: text/plain\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok";
  ResponseParser parser({});
  for (auto _ : state) {
    parser.reset();
    benchmark::DoNotOptimize(parser.parse(text));
  }
}
BENCHMARK(response_head);

}  // namespace
}  // namespace posthorn::wire
