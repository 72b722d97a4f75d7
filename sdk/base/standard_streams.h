// Standard streams: descriptors 0, 1 and 2 are taken before anything else can get them.
//
// A program that is started with one of them closed would give its number to the next socket or
// file it opens, and what is printed then goes into that. Function, no state; the main thread,
// before any other thread.
#pragma once

#include <fcntl.h>

#include <array>
#include <cerrno>

namespace btb {

// To be called first in main, by every program. A stream that was closed is open from here on, in
// the wrong direction: reading from it or writing to it fails with EBADF, as it would if it were
// closed, so the loss of an output is an error that is seen and not a success. Does nothing to
// streams that are open.
inline void take_standard_streams() {
  struct Stream {
    int fd;
    int wrong_way;  // how to open it, so that its use fails
  };
  constexpr std::array<Stream, 3> streams{{{0, O_WRONLY}, {1, O_RDONLY}, {2, O_RDONLY}}};
  for (const Stream& stream : streams) {
    const bool closed = ::fcntl(stream.fd, F_GETFD) < 0 && errno == EBADF;
    if (!closed) continue;
    // In this order: the system gives the lowest number that is free. Without a /dev (in a bare
    // chroot) a folder does as well: it can be neither read nor written.
    if (::open("/dev/null", stream.wrong_way) < 0) (void)::open("/", O_RDONLY | O_DIRECTORY);
  }
}

}  // namespace btb
