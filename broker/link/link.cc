#include "broker/link/link.h"

#include <utility>

namespace btb {

Link::Link(Loop& loop, std::unique_ptr<Stream> stream, Poll::Events& events)
    : stream_(std::move(stream)),
      packet_bytes_max_(stream_->packet_bytes_max()),
      poll_(loop, stream_->fd(), events) {
  poll_.want(readable_, writable_);
}

void Link::want_readable(bool wanted) {
  readable_ = wanted;
  poll_.want(readable_, writable_);
}

void Link::want_writable(bool wanted) {
  writable_ = wanted;
  poll_.want(readable_, writable_);
}

}  // namespace btb
