// Publisher: hands the messages of one look at one file to the host, in chunks. Subscribers apply
// the chunks of one look together. Borrows the host. Resource; [source].
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

  // Called for each message that the host refuses as invalid: `entry` is the number that was given
  // to put or remove, `reason` a text for people.
  using Refused = std::function<void(uint32_t entry, const std::string& reason)>;
  Publisher(plugin::Host& host, Refused refused) : host_(&host), refused_(std::move(refused)) {}

  // Add a message, which is copied. If a chunk is full, they first hand it to the host; that may
  // throw plugin::Stopped. `entry` is any number of the caller, for Refused.
  void put(std::string_view topic, std::string_view key, std::string_view payload, uint32_t entry);
  void remove(std::string_view topic, std::string_view key, uint32_t entry);
  // True if the next put or remove will hand a chunk to the host.
  [[nodiscard]] bool is_full() const {
    return batch_.bytes() >= chunk_bytes || batch_.size() >= chunk_messages;
  }
  // Hands over the rest with `resume_token`, and ends the look. Publishes nothing if nothing was
  // put or removed. Throws plugin::Stopped.
  void finish(std::string_view resume_token);

 private:
  void make_room();
  void flush();

  plugin::Host* host_;
  Refused refused_;
  plugin::Batch batch_;
  std::vector<uint32_t> entries_;
  bool open_ = false;  // the host took a chunk that announced another one
};

}  // namespace btb::csv
