#include "broker/link/listener.h"

namespace btb {

namespace {

constexpr int accepts_per_turn_max = 64;
constexpr uint64_t retry_ms = 200;

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const Endpoint& endpoint,
                                                 const ListenOptions& options, Accepted accepted) {
  Result<UniqueFd> fd = listen_on(endpoint, options);
  if (!fd) return fd.error();
  Result<Endpoint> actual = local_endpoint(fd->get(), endpoint);
  if (!actual) return actual.error();
  return std::unique_ptr<Listener>(
      new Listener(loop, std::move(*fd), *actual, std::move(accepted)));
}

Listener::Listener(Loop& loop, UniqueFd fd, Endpoint endpoint, Accepted accepted)
    : fd_(std::move(fd)),
      endpoint_(std::move(endpoint)),
      file_(socket_file(endpoint_)),
      accepted_(std::move(accepted)),
      poll_(loop, fd_.get(), *this),
      retry_(loop, [this] { poll_.want(true, false); }) {
  poll_.want(true, false);
}

// The file may have been removed, and a second broker may have made its own there: then it stays.
// While this socket is open, no other broker takes the path of our file, because it sees that it is
// in use.
Listener::~Listener() {
  if (file_ && can_be_found()) remove_endpoint(endpoint_);
}

// Without a free descriptor the listening socket would stay readable: stop reading it for a moment.
void Listener::on_readable() {
  for (int i = 0; i < accepts_per_turn_max; ++i) {
    Result<UniqueFd> fd = accept_from(fd_.get());
    if (fd) {
      accepted_(socket_stream(std::move(*fd)));
      continue;
    }
    if (fd.error().code == Errc::limit) {
      ++out_of_descriptors_;
      poll_.want(false, false);
      retry_.start(retry_ms, 0);
    }
    return;
  }
}

}  // namespace btb
