// The modes of the load program, one function each: options in, one line of JSON on stdout for each
// result. What a mode needs is told by its own file. Run on the main thread; they fail the program
// (tests/bench/options.h).
#pragma once

#include "tests/bench/options.h"

namespace btb::bench {

// Any peer: throughput, latency and memory of one cell.
void run_fanout(const Options& options);
// One subscriber stops reading; what do the others feel?
void run_stuck(const Options& options);

// btbroker only.
void run_sessions(const Options& options);  // idle sessions, held until stdin ends
void run_topics(const Options& options);    // topics with one small message each
void run_catchup(const Options& options);   // a long log, read from its beginning
void run_position(const Options& options);  // until a topic has got so far
void run_watch(const Options& options);     // when messages arrive, in bursts

}  // namespace btb::bench
