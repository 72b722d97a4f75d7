#include "sdk/bluez/bus.h"

#include <poll.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include <algorithm>
#include <cstring>

namespace btb::bluez {

namespace {

constexpr const char* bluez = "org.bluez";
// bluetoothd sometimes never answers, for example to a registration while a setting changes.
constexpr uint64_t answer_us = 8'000'000;

// The slot owns the callback, and the Bus owns the slot.
template <class Function>
void keep(sd_bus_slot* slot, std::unique_ptr<Function> function) {
  sd_bus_slot_set_userdata(slot, function.release());
  sd_bus_slot_set_destroy_callback(slot, [](void* data) { delete static_cast<Function*>(data); });
  sd_bus_slot_set_floating(slot, 1);
  sd_bus_slot_unref(slot);
}

int on_reply(sd_bus_message* answer, void* data, sd_bus_error*) {
  const sd_bus_error* error = sd_bus_message_get_error(answer);
  std::string text;
  if (error != nullptr) {
    text = std::string(error->name) + ": " + (error->message == nullptr ? "" : error->message);
  }
  auto& then = *static_cast<Bus::Reply*>(data);
  if (then) then(answer, text);
  return 0;
}

int on_signal(sd_bus_message* signal, void* data, sd_bus_error*) {
  (*static_cast<Bus::Heard*>(data))(signal);
  return 0;
}

struct Unref {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};

}  // namespace

void Bus::Close::operator()(sd_bus* bus) const {
  sd_bus_close_unref(bus);  // does not flush: flushing may block without limit
}

Result<std::unique_ptr<Bus>> Bus::open_system() {
  sd_bus* bus = nullptr;
  const int fault = sd_bus_open_system(&bus);
  if (fault < 0) {
    return Error{Errc::unavailable, std::string("the system's D-Bus: ") + std::strerror(-fault)};
  }
  return std::unique_ptr<Bus>(new Bus(bus));
}

Result<std::unique_ptr<Bus>> Bus::over(UniqueFd socket) {
  sd_bus* raw = nullptr;
  if (sd_bus_new(&raw) < 0) return Error{Errc::limit, "no memory for a bus"};
  std::unique_ptr<Bus> bus(new Bus(raw));
  const int fd = socket.release();
  if (sd_bus_set_fd(raw, fd, fd) < 0 || sd_bus_start(raw) < 0) {
    return Error{Errc::unavailable, "this socket carries no D-Bus"};
  }
  return bus;
}

Bus::~Bus() = default;

int Bus::fd() const {
  return sd_bus_get_fd(bus_.get());
}

short Bus::events() const {
  const int events = sd_bus_get_events(bus_.get());
  return static_cast<short>(events < 0 ? POLLIN : events);
}

int Bus::timeout_ms() const {
  uint64_t until = 0;
  if (sd_bus_get_timeout(bus_.get(), &until) < 0 || until == UINT64_MAX) return -1;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const auto now_us =
      static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
  return until <= now_us
             ? 0
             : static_cast<int>(std::min<uint64_t>((until - now_us) / 1000 + 1, 1U << 30));
}

bool Bus::process() {
  for (;;) {
    const int done = sd_bus_process(bus_.get(), nullptr);
    if (done < 0) return false;
    if (done == 0) return true;
  }
}

void Bus::call(const std::string& path, const std::string& interface, const std::string& method,
               const Build& build, Reply then) {
  sd_bus_message* raw = nullptr;
  if (sd_bus_message_new_method_call(bus_.get(), &raw, bluez, path.c_str(), interface.c_str(),
                                     method.c_str()) < 0) {
    if (then) then(nullptr, "cannot be asked");
    return;
  }
  const std::unique_ptr<sd_bus_message, Unref> message(raw);
  if (build) build(raw);
  auto kept = std::make_unique<Reply>(std::move(then));
  sd_bus_slot* slot = nullptr;
  if (sd_bus_call_async(bus_.get(), &slot, raw, on_reply, kept.get(), answer_us) < 0) {
    if (*kept) (*kept)(nullptr, "cannot be asked");
    return;
  }
  keep(slot, std::move(kept));
}

void Bus::set_property(const std::string& path, const std::string& interface,
                       const std::string& property, bool value, Reply then) {
  call(
      path, "org.freedesktop.DBus.Properties", "Set",
      [&](sd_bus_message* message) {
        sd_bus_message_append(message, "ssv", interface.c_str(), property.c_str(), "b",
                              value ? 1 : 0);
      },
      std::move(then));
}

void Bus::set_property(const std::string& path, const std::string& interface,
                       const std::string& property, uint32_t value, Reply then) {
  call(
      path, "org.freedesktop.DBus.Properties", "Set",
      [&](sd_bus_message* message) {
        sd_bus_message_append(message, "ssv", interface.c_str(), property.c_str(), "u", value);
      },
      std::move(then));
}

void Bus::listen(const std::string& match, Heard heard) {
  auto kept = std::make_unique<Heard>(std::move(heard));
  sd_bus_slot* slot = nullptr;
  if (sd_bus_add_match_async(bus_.get(), &slot, match.c_str(), on_signal, nullptr, kept.get()) <
      0) {
    return;
  }
  keep(slot, std::move(kept));
}

}  // namespace btb::bluez
