// Outbox: bytes that one session has to send and that lie in no log: control frames, and the rest
// of a frame that was cut. They always go out first. Value, part of a Session; [loop] thread.
#pragma once

#include "sdk/base/bytes.h"
#include "sdk/wire/control.h"

namespace btb {

class Outbox {
 public:
  // Puts one control message at the end.
  template <class Native>
  void add(const Native& message) {
    wire::append_control(bytes_, message);
  }
  // Puts bytes of encoded frames at the end.
  void add_bytes(Bytes bytes) { append(bytes_, bytes); }

  [[nodiscard]] bool empty() const { return size() == 0; }
  // Bytes that were not sent yet.
  [[nodiscard]] size_t size() const { return bytes_.size() - sent_; }
  // The bytes that were not sent yet. Valid until the next call that is not const.
  [[nodiscard]] Bytes unsent() const { return Bytes(bytes_).subspan(sent_); }
  // Notes that the first `bytes` of unsent() were sent, and frees memory that is not needed any
  // more. REQUIRES: bytes <= size().
  void sent(size_t bytes);
  // Bytes of memory it holds, used or not.
  [[nodiscard]] size_t capacity() const { return bytes_.capacity(); }

 private:
  ByteVector bytes_;
  size_t sent_ = 0;  // of bytes_, from its beginning
};

}  // namespace btb
