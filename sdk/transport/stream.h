// Stream: one connection to another program, over any transport. Bytes go in on one side and come
// out on the other side, in order. The broker's links and the client both use it, so a new
// transport is one class here and one scheme of Endpoint.
//
// Unix, TCP, L2CAP, LE and RFCOMM sockets are one class, made by `socket_stream`. Resource. Any
// thread may use it, one at a time. No function blocks, and none raises SIGPIPE.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "sdk/base/bytes.h"
#include "sdk/base/unique_fd.h"
#include "sdk/transport/socket.h"

namespace btb {

// The result of one read or write.
struct IoResult {
  enum class Status : uint8_t {
    ok,           // `bytes` were read or written, at least one
    would_block,  // nothing now: poll the descriptor
    closed,       // the other end is gone; `error` is 0 if it closed in good order
    failed,       // `error` says why
  };
  Status status = Status::ok;
  size_t bytes = 0;  // with `ok`
  int error = 0;     // errno
};

// What the system says about the other end of a connection. A field that it does not know is empty.
struct StreamFacts {
  std::string peer;              // for people and the journal: see describe_peer
  std::string origin;            // the user, host or device that connects: see origin_of
  std::string adapter;           // address of the local Bluetooth adapter: see local_adapter
  std::optional<PeerUser> user;  // of a unix socket
};

class Stream {
 public:
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Reads once, up to the size of `buffer`, which is not empty. If `packet_bytes_max` is not 0,
  // `buffer` needs room for 64 KiB, because the rest of a larger packet would be lost.
  virtual IoResult read(MutableBytes buffer) = 0;
  // Writes once, in the order of the ranges, which hold at least one byte. It may take fewer bytes
  // than given, because the system has no room or because a packet is full. Then write the rest
  // again. Keeps nothing of the ranges.
  virtual IoResult write(std::span<const iovec> ranges) = 0;
  // Tells the other end that no more bytes follow. Bytes that were written are still delivered.
  virtual void shutdown() = 0;

  // For poll: readable when `read` may return bytes, writable when `write` may take some. Valid as
  // long as the stream.
  [[nodiscard]] virtual int fd() const = 0;
  // The most bytes that one write takes, so that packets on the air are full. 0: any number.
  [[nodiscard]] virtual uint32_t packet_bytes_max() const = 0;
  // Costs several system calls, so call it once, soon after the connection was made.
  [[nodiscard]] virtual StreamFacts facts() const = 0;

 protected:
  Stream() = default;
};

// The stream of a connected, non-blocking socket of any kind. It owns the socket, and closes it
// when it is destroyed.
std::unique_ptr<Stream> socket_stream(UniqueFd fd);

}  // namespace btb
