// Fuzzes the client's conversation with what a broker may say. The first byte of the input chooses
// how the stream is cut; the rest is the stream. Links sdk_client and sdk_wire.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "sdk/client/conversation.h"

namespace {

using namespace btb;

// Reads every byte it is given, so that a view that points nowhere is found.
class Reader final : public client::Handler {
 public:
  void on_message(const client::Topic& topic, const client::Message& message) override {
    for (const std::byte byte : message.key) sum_ = sum_ + static_cast<uint8_t>(byte);
    for (const std::byte byte : message.payload) sum_ = sum_ + static_cast<uint8_t>(byte);
    sum_ = sum_ + topic.name.size();
  }
  void on_reply(uint32_t, wire::Reason, std::string_view text, std::string_view body) override {
    sum_ = sum_ + text.size() + body.size();
  }

 private:
  volatile uint64_t sum_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t step = size_t{8} << (data[0] % 12);
  // The stream lies at a multiple of 8, as receive() wants it.
  std::vector<uint64_t> aligned((size + 6) / 8 + 1);
  std::memcpy(aligned.data(), data + 1, size - 1);
  const Bytes stream(reinterpret_cast<const std::byte*>(aligned.data()), size - 1);

  Reader reader;
  client::ConversationOptions options;
  options.message_bytes_max = 1U << 20;
  options.unfinished_bytes_max = 4U << 20;
  client::Conversation conversation(options, reader);
  (void)conversation.subscribe({.filter = "#"});                                   // id 1
  (void)conversation.subscribe({.filter = "a/+", .from = wire::From::beginning});  // id 2
  (void)conversation.open("p", wire::AckLevel::memory);                            // id 3
  for (uint64_t connection = 0; connection < 2; ++connection) {
    conversation.begin(connection);
    size_t taken = 0;
    for (size_t end = 0; end < stream.size();) {
      end = std::min(end + step, stream.size());
      taken += conversation.receive(stream.subspan(taken, end - taken), connection);
      (void)conversation.publish(3, {.payload = as_bytes("x")});
      (void)conversation.command("status", {});  // ids from 4
      conversation.tick(end);
      conversation.sent(conversation.output().size(), end);
    }
    conversation.end(wire::Reason::peer_failed, "");
  }
  return 0;
}
