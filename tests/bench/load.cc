// The load of the benchmarks (docs/benchmarks.md): `load MODE --name value ...`, driven by the
// scripts beside it.
#include <string_view>

#include "tests/bench/modes.h"

int main(int argc, char** argv) {
  using namespace btb::bench;
  if (argc < 2)
    fail("usage: load fanout|stuck|sessions|topics|catchup|position|watch --name value ...");
  const std::string_view mode = argv[1];
  const Options options(argc, argv, 2);
  if (mode == "fanout") {
    run_fanout(options);
  } else if (mode == "stuck") {
    run_stuck(options);
  } else if (mode == "sessions") {
    run_sessions(options);
  } else if (mode == "topics") {
    run_topics(options);
  } else if (mode == "catchup") {
    run_catchup(options);
  } else if (mode == "position") {
    run_position(options);
  } else if (mode == "watch") {
    run_watch(options);
  } else {
    fail("no such mode: " + std::string(mode));
  }
}
