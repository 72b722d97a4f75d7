#include "tests/lab/radio/adapter.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sdk/base/clock.h"

namespace btb::lab {

namespace {

constexpr const char* device = "/dev/vhci";
constexpr size_t packet_bytes_max = 4096;
constexpr int reads_per_turn_max = 16;
constexpr int answer_timeout_ms = 5'000;

Error failure(const std::string& what) {
  return {Errc::io, std::string(device) + ": " + what + ": " + std::strerror(errno)};
}

}  // namespace

Adapter::Adapter(Air& air, Address address, std::string capture_path)
    : air_(air), address_(address), capture_path_(std::move(capture_path)) {}

// FF 00 asks for a device that does BR/EDR and LE; the answer holds the N of hciN.
Result<void> Adapter::plug_in() {
  if (fd_.valid()) return {};
  UniqueFd fd(::open(device, O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return failure("open");
  constexpr std::array<uint8_t, 2> create{0xFF, 0x00};
  if (::write(fd.get(), create.data(), create.size()) != 2) return failure("create a device");
  pollfd wait{fd.get(), POLLIN, 0};
  std::array<uint8_t, 4> answer{};
  if (::poll(&wait, 1, answer_timeout_ms) != 1 ||
      ::read(fd.get(), answer.data(), answer.size()) != 4 || answer[0] != 0xFF) {
    return failure("its answer");
  }
  if (!capture_ && !capture_path_.empty()) {
    auto capture = Capture::create(capture_path_);
    if (!capture) return capture.error();
    capture_ = std::move(*capture);
  }
  index_ = answer[2] | answer[3] << 8;
  fd_ = std::move(fd);
  HostPort& port = *this;
  controller_ = std::make_unique<Controller>(air_, address_, port);
  return {};
}

void Adapter::unplug() {
  controller_.reset();
  fd_.reset();
  index_ = -1;
}

void Adapter::read() {
  std::array<std::byte, packet_bytes_max> buffer;
  for (int i = 0; i < reads_per_turn_max && fd_.valid(); ++i) {
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got < 1) return;
    const auto type = static_cast<hci::Type>(buffer[0]);
    const Bytes packet = Bytes(buffer).subspan(1, static_cast<size_t>(got) - 1);
    record(type, packet, false);
    if (type == hci::Type::command) controller_->command(packet);
    if (type == hci::Type::acl) controller_->data(packet);
  }
}

void Adapter::to_host(hci::Type type, Bytes packet) {
  if (!fd_.valid()) return;
  record(type, packet, true);
  ByteVector framed{static_cast<std::byte>(type)};
  append(framed, packet);
  // The kernel takes a whole packet or, while the device goes, none.
  (void)!::write(fd_.get(), framed.data(), framed.size());
}

void Adapter::record(hci::Type type, Bytes packet, bool to_host) {
  if (capture_) capture_->add(type, packet, to_host, SystemClock().now_us());
}

}  // namespace btb::lab
