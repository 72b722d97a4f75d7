// Standard streams: keeps descriptors 0, 1 and 2 from being used for other files.
//
// If a program is started with one of them closed, the next socket or file that it opens gets that
// number. Then the program's printed lines would go there. Function, no state; the main thread,
// before any other thread.
#pragma once

#include <fcntl.h>

#include <array>
#include <cerrno>

namespace btb {

// Every program calls this first in main. A closed stream is opened in the wrong direction, so its
// use still fails with EBADF, as it should: lost output must be an error. Streams that are open
// stay as they are.
inline void take_standard_streams() {
  struct Standard {
    int fd;
    int wrong_way;  // how to open it, so that its use fails
  };
  constexpr std::array<Standard, 3> streams{{{0, O_WRONLY}, {1, O_RDONLY}, {2, O_RDONLY}}};
  for (const Standard& stream : streams) {
    const bool closed = ::fcntl(stream.fd, F_GETFD) < 0 && errno == EBADF;
    if (!closed) continue;
    // In this order: the system gives the lowest number that is free. Without a /dev (in a bare
    // chroot) a folder does as well: it can be neither read nor written.
    if (::open("/dev/null", stream.wrong_way) < 0) (void)::open("/", O_RDONLY | O_DIRECTORY);
  }
}

}  // namespace btb
