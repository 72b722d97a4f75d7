// BatchView: reads the messages of a batch from a plugin. They lie one behind the other. Each has
// the size that the plugin knows, which is larger than ours if the plugin was built for a newer ABI
// 1.x.
//
// Value; borrows the batch. [any] thread.
#pragma once

#include <cstddef>

#include "sdk/plugin/abi.h"

namespace btb::host {

class BatchView {
 public:
  static constexpr const char* wrong_message_size = "a message with a wrong size";

  explicit BatchView(const btb_batch& batch) {
    if (batch.size < batch_size_min) {
      fault_ = "a batch with a wrong size";
    } else if (batch.message_count != 0 && batch.messages == nullptr) {
      fault_ = "a batch without its messages";
    } else if (batch.message_count != 0) {
      bytes_ = reinterpret_cast<const std::byte*>(batch.messages);
      count_ = batch.message_count;
      stride_ = batch.messages->size;
      const bool fits = stride_ >= message_size_min && stride_ <= message_size_max &&
                        stride_ % alignof(btb_message) == 0;
      if (!fits) fault_ = wrong_message_size;
    }
  }

  // Why the messages cannot be read at all; null if they can. Static text.
  [[nodiscard]] const char* fault() const { return fault_; }
  [[nodiscard]] size_t size() const { return count_; }
  // REQUIRES: no fault, index < size().
  [[nodiscard]] const btb_message& operator[](size_t index) const {
    return *reinterpret_cast<const btb_message*>(bytes_ + index * stride_);
  }
  // Whether the message states the size of the first one, as all messages of a batch must.
  [[nodiscard]] bool fits(const btb_message& message) const { return message.size == stride_; }

 private:
  // Where the structs end in ABI 1.0. Later minor versions only append, and stay far below the
  // maximum.
  static constexpr size_t batch_size_min =
      offsetof(btb_batch, resume_token) + sizeof(btb_batch::resume_token);
  static constexpr size_t message_size_min =
      offsetof(btb_message, time_us) + sizeof(btb_message::time_us);
  static constexpr size_t message_size_max = 1024;

  const std::byte* bytes_ = nullptr;
  size_t count_ = 0;
  size_t stride_ = 0;
  const char* fault_ = nullptr;
};

}  // namespace btb::host
