// How long the CSV source takes for a file of 1,000,000 rows of 100 bytes, and then for one changed
// row in it. Everything up to the host's publish, which counts and forgets. Prints one line for
// each figure.
//
//   csv_parse_bench [ROWS]
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "plugins/csv/csv_parser.h"
#include "plugins/csv/csv_source.h"
#include "tests/support/fake_host.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return double(time.tv_sec) + double(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Exactly 100 bytes with its line end.
std::string row(int number, int stock) {
  char text[128];
  std::snprintf(text, sizeof(text),
                "SKU%09d,Screw %08d hexagon head,M%02d,%07d,12.%02d,EUR,shelf %04d,ok,", number,
                number, number % 20, stock, number % 100, number % 5000);
  std::string line(text);
  line.resize(99, 'x');
  return line + '\n';
}

void write_file(const std::string& path, const std::string& text) {
  const std::string part = path + ".part";
  std::FILE* file = std::fopen(part.c_str(), "wb");
  std::fwrite(text.data(), 1, text.size(), file);
  std::fclose(file);
  std::rename(part.c_str(), path.c_str());
}

void bench_parser(const std::string& text) {
  const auto begin = Clock::now();
  btb::csv::Parser parser{btb::csv::Dialect()};
  parser.feed(text, true);
  size_t fields = 0;
  while (parser.next() == btb::csv::Parser::Step::row) fields += parser.fields().size();
  const double seconds = seconds_since(begin);
  std::printf("parse only: %.3f s, %.0f MB/s, %zu fields\n", seconds,
              double(text.size()) / 1e6 / seconds, fields);
}

}  // namespace

int main(int argc, char** argv) {
  const int rows = argc > 1 ? std::atoi(argv[1]) : 1'000'000;
  char directory[] = "/tmp/csv_parse_bench.XXXXXX";
  if (mkdtemp(directory) == nullptr) return 1;
  const std::string path = std::string(directory) + "/stock.csv";
  std::string text = "sku,name,size,stock,price,currency,place,state,rest\n";
  for (int i = 0; i < rows; ++i) text += row(i, i % 977);
  bench_parser(text);
  write_file(path, text);

  btb::test::FakeHost host;
  host.keep_nothing();
  const auto begin = Clock::now();
  const double cpu_begin = cpu_seconds();
  btb::test::RunningSource<btb::csv::CsvSource> source(host,
                                                       {{"path", path},
                                                        {"topic", "stock"},
                                                        {"key", std::vector<std::string>{"sku"}},
                                                        {"settle", "50ms"}});
  const auto wanted = static_cast<uint64_t>(rows);
  host.wait_for([&] { return host.message_count() == wanted; }, std::chrono::minutes(5));
  std::printf("load: %d rows in %.2f s (%.2f s of CPU)\n", rows, seconds_since(begin),
              cpu_seconds() - cpu_begin);
  host.wait_for_state(BTB_STATE_LIVE);

  const size_t at = text.find("SKU000500000");
  if (at != std::string::npos) text.replace(at, 100, row(500'000, 999'999));
  write_file(path, text);
  const auto changed = Clock::now();
  const double cpu_changed = cpu_seconds();
  host.wait_for([&] { return host.message_count() > wanted; }, std::chrono::minutes(5));
  std::printf("one changed row: %.2f s after the rename (%.2f s of CPU), %llu message(s)\n",
              seconds_since(changed), cpu_seconds() - cpu_changed,
              static_cast<unsigned long long>(host.message_count() - wanted));

  const size_t in_place = text.find("SKU000400000");
  std::FILE* file = std::fopen(path.c_str(), "r+b");
  if (file != nullptr && in_place != std::string::npos) {
    const std::string other = row(400'000, 999'999);
    std::fseek(file, static_cast<long>(in_place), SEEK_SET);
    std::fwrite(other.data(), 1, other.size(), file);
    std::fclose(file);
    const auto closed = Clock::now();
    host.wait_for([&] { return host.message_count() > wanted + 1; }, std::chrono::minutes(5));
    std::printf(
        "one changed row in place: %.2f s after the close (settle 0.05 s), %llu message(s)\n",
        seconds_since(closed), static_cast<unsigned long long>(host.message_count() - wanted - 1));
  }
  source.end();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("peak memory: %ld MiB, %zu MiB of them the bench's own copy of the file\n",
              usage.ru_maxrss / 1024, text.capacity() >> 20);
  unlink(path.c_str());
  rmdir(directory);
  return 0;
}
