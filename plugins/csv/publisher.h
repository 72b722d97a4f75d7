// Publisher: hands the messages of one poll of one file to the host, in chunks that subscribers
// apply as one. [source]
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sdk/plugin/source.h"

namespace btb::csv {

class Publisher {
 public:
  static constexpr size_t chunk_bytes = 256U << 10;
  static constexpr size_t chunk_messages = 2048;
  static constexpr uint32_t no_entry = ~uint32_t{0};

  // Told of a message that the host does not take at all: the entry it was given with, and why.
  using Refused = std::function<void(uint32_t entry, const std::string& reason)>;
  Publisher(plugin::Host& host, Refused refused) : host_(&host), refused_(std::move(refused)) {}

  // Both may hand over what was collected before; throw plugin::Stopped then.
  void put(std::string_view topic, std::string_view key, std::string_view payload, uint32_t entry);
  void remove(std::string_view topic, std::string_view key, uint32_t entry);
  // True if the next message would hand over what was collected before.
  [[nodiscard]] bool is_full() const {
    return batch_.bytes() >= chunk_bytes || batch_.size() >= chunk_messages;
  }
  // Hands over the rest, and ends the poll. Nothing is published if nothing was put or removed.
  void finish(std::string_view resume_token);

 private:
  void make_room();
  void flush();

  plugin::Host* host_;
  Refused refused_;
  plugin::Batch batch_;
  std::vector<uint32_t> entries_;
  bool open_ = false;  // a chunk was taken that announced another one
};

}  // namespace btb::csv
