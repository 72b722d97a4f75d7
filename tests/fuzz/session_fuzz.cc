// Fuzz target: what any client may send to a session that holds a few topics. The first byte of
// the input chooses whether a hello is said for it, how the bytes are cut, and how often it reads.
// Links broker_session.
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>

#include "broker/session/sessions.h"
#include "tests/support/manual_clock.h"

namespace btb {
namespace {

class Owner final : public SessionsOwner {
 public:
  CommandResult command(const std::string& verb,
                        const std::vector<std::string>& arguments) override {
    return {wire::Reason::none, verb, std::string(1'000 * arguments.size(), 'x')};
  }
  void session_opened(const Session&) override {}
  void session_ended(const Session&, const SessionEnd&) override {}
};

std::shared_ptr<const TopicOptions> options_of(std::string_view name, Publisher) {
  TopicOptions options;
  options.keep_count = 8;
  options.keep_bytes = 20'000;
  options.deletions_kept = 2;
  options.keys_max = 4;
  if (name.starts_with('s')) {
    options.kind = wire::TopicKind::state;
    options.overflow = Overflow::skip_dead;
    options.priority = wire::Priority::alert;
  }
  if (name.starts_with('d')) options.overflow = Overflow::disconnect;
  return std::make_shared<TopicOptions>(options);
}

// One broker with one client at the other end of a pair of sockets with small buffers.
class World {
 public:
  World() : router_(clock_, 7, options_of), sessions_(loop_, router_, clock_, owner_, "fuzz") {
    router_.topics_max = 50;
    sessions_.limits.message_bytes = 30'000;
    sessions_.limits.subscriptions_per_session = 8;
    loop_.set_before_sleep([this] { return sessions_.flush(); });
    std::array<int, 2> ends{-1, -1};
    BTB_ASSERT(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    const int buffer_bytes = 4'608;
    ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
    client_.reset(ends[1]);
    SessionTraits traits;
    traits.admin = true;
    sessions_.adopt(socket_stream(UniqueFd(ends[0])), std::move(traits));
    for (const char* name : {"s", "e", "d"}) {
      for (int i = 0; i < 12; ++i) publish(name, i);
    }
  }
  ~World() {
    client_.reset();
    for (int i = 0; i < 6; ++i) loop_.run_once(false);
    BTB_ASSERT(sessions_.count() == 0);
    loop_.set_before_sleep(nullptr);
  }

  void send(Bytes bytes) {
    const ssize_t sent =
        ::send(client_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent;  // what does not fit is lost: one more way to be torn
  }
  void turn() {
    loop_.run_once(false);
    clock_.advance_ms(100);
  }
  void read() {
    std::array<std::byte, 3'001> buffer;
    (void)!::recv(client_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  }
  // Something happens in the broker, too.
  void live(int step) {
    publish(step % 3 == 0 ? "s" : step % 3 == 1 ? "e" : "d", step);
    if (step % 16 == 0) sessions_.tick();
    if (step % 16 == 8) router_.close_batch(*router_.find("s"));
  }

 private:
  void publish(const char* name, int number) {
    const std::string key(1, static_cast<char>('a' + number % 4));
    const std::string payload(static_cast<size_t>(number) * 977 % 6'000, 'x');
    Message message;
    message.key = as_bytes(key);
    message.batch_more = number % 5 == 0;
    message.deletion = number % 7 == 6 && *name == 's';
    if (!message.deletion) message.payload = as_bytes(payload);
    router_.publish(*router_.find_or_make(name), message);
  }

  test::ManualClock clock_;
  Owner owner_;
  Loop loop_;
  Router router_;
  Sessions sessions_;
  UniqueFd client_;
};

}  // namespace
}  // namespace btb

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace btb;
  if (size == 0 || size > 200'000) return 0;
  const uint8_t choice = data[0];
  const Bytes stream(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  World world;
  if ((choice & 1) == 0) {
    ByteVector hello;
    wire::append_control(hello, fb::HelloT());
    world.send(hello);
    world.turn();
  }
  const size_t step = std::max(size_t{8} << ((choice >> 1) % 8), stream.size() / 64);
  const bool reads = (choice & 16) == 0;
  int count = 0;
  for (Bytes rest = stream; !rest.empty(); ++count) {
    world.send(rest.first(std::min(step, rest.size())));
    rest = rest.subspan(std::min(step, rest.size()));
    world.turn();
    world.live(count);
    if (reads) world.read();
  }
  for (int i = 0; i < 8; ++i) {
    world.turn();
    world.read();
  }
  return 0;
}
