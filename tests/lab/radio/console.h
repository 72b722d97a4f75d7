// Console: what tests tell the radio while it runs, one line a command, one line an answer.
//
//   apart A B            the two no longer hear each other; together A B ends it
//   range A B RSSI [LOSS]  how well they do: dBm, and the share of packets lost each way
//   unplug A, plug A     pulls the adapter out and puts it in again
//   timing on|off        whether carrying takes time
//   edr 2|3, phy 1|2     Mbit/s of BR/EDR and LE
//   supervision MS       of BR/EDR links that are made from now on; 0: 20 s
//   usage                what each adapter did, as JSON
//   flush                what was captured so far is in the files
//   stranger HEX         another device that advertises these bytes; strangers off: all leave
//   quit
//
// What an adapter claims of EDR 3 it claims when it is plugged in.
//
// A and B are numbers of adapters, in the order they were made. The answer begins with "ok" or
// "error". Functions over what is given; one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/lab/radio/adapter.h"
#include "tests/lab/radio/strangers.h"

namespace btb::lab {

class Console {
 public:
  Console(Air& air, std::vector<std::unique_ptr<Adapter>>& adapters)
      : air_(air), adapters_(adapters), strangers_(air) {}

  // The answer to one line, without its newline.
  std::string answer(std::string_view line);
  [[nodiscard]] bool quits() const { return quits_; }

 private:
  std::string usage();
  Adapter* adapter(const std::string& number);

  Air& air_;
  std::vector<std::unique_ptr<Adapter>>& adapters_;
  Strangers strangers_;
  bool quits_ = false;
};

}  // namespace btb::lab
