#include "sdk/client/backoff.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using btb::client::Backoff;
using btb::client::BackoffOptions;

TEST_CASE("waits double up to the bound, each between its half and its whole") {
  Backoff backoff({.first_ms = 100, .max_ms = 1'000, .stable_ms = 10'000}, 42);
  for (uint32_t whole : {100U, 200U, 400U, 800U, 1'000U, 1'000U, 1'000U}) {
    const uint32_t wait = backoff.next_ms(5'000, 0);
    CHECK(wait <= whole);
    CHECK(wait >= whole / 2);
  }
}

TEST_CASE("clients of one broker do not come back in the same moment") {
  std::set<uint32_t> waits;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Backoff backoff({.first_ms = 10'000}, seed * 7919);
    waits.insert(backoff.next_ms(0, 0));
  }
  CHECK(waits.size() > 50);
}

TEST_CASE("a stable session starts the waits anew, a short one does not") {
  Backoff backoff({.first_ms = 100, .max_ms = 60'000, .stable_ms = 1'000}, 1);
  for (int i = 0; i < 5; ++i) (void)backoff.next_ms(0, 0);
  backoff.connected(10'000);
  CHECK(backoff.next_ms(10'500, 0) >= 1'600);
  backoff.connected(20'000);
  CHECK(backoff.next_ms(21'000, 0) <= 100);
}

TEST_CASE("a broker's wish is a lower bound, and no number of failures overflows") {
  Backoff backoff(BackoffOptions{}, 1);
  CHECK(backoff.next_ms(0, 5'000) == 5'000);
  for (int i = 0; i < 200; ++i) CHECK(backoff.next_ms(0, 0) <= 30'000);
}
