#include "broker/session/outbox.h"

namespace btb {

namespace {

constexpr size_t sent_kept_bytes_max = 64U << 10;
constexpr size_t kept_bytes = 1024;  // an empty buffer larger than this is given back

}  // namespace

void Outbox::sent(size_t bytes) {
  sent_ += bytes;
  if (!empty()) {
    // A client that reads slowly and asks for more: the bytes it has read must not pile up.
    if (sent_ < sent_kept_bytes_max) return;
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(sent_));
    sent_ = 0;
    return;
  }
  sent_ = 0;
  if (bytes_.capacity() > kept_bytes) {
    ByteVector().swap(bytes_);
  } else {
    bytes_.clear();
  }
}

}  // namespace btb
