// A broker of a few lines for tests that need a real socket.
#pragma once

#include <doctest/doctest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <filesystem>
#include <memory>
#include <string>

#include "sdk/base/unique_fd.h"
#include "sdk/transport/socket.h"
#include "sdk/wire/control.h"

namespace btb::client {

// A listening socket, at most one connection, and frames as calls. In the same thread as the
// client: the test takes turns.
class SmallBroker {
 public:
  SmallBroker() {
    std::string pattern = std::filesystem::temp_directory_path() / "btb_client_XXXXXX";
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    endpoint = {Endpoint::Scheme::unix_socket, directory_ + "/b.sock", 0};
    listen();
  }
  ~SmallBroker() { std::filesystem::remove_all(directory_); }

  void listen() { listener_ = std::move(*listen_on(endpoint, {})); }
  void stop_listening() {
    listener_.reset();
    remove_endpoint(endpoint);
  }
  bool accept() {
    auto fd = accept_from(listener_.get());
    if (fd) connection_ = std::move(*fd);
    return connection_.valid();
  }
  template <class Native>
  void say(const Native& message) {
    ByteVector bytes;
    wire::append_control(bytes, message);
    send(bytes);
  }
  void welcome(uint64_t epoch = 7) {
    fb::WelcomeT message;
    message.epoch = epoch;
    message.keep_alive_ms = 60'000;
    say(message);
  }
  void send(const ByteVector& bytes) {
    REQUIRE(::send(connection_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }
  // The next frame of the client that has come completely, of this kind.
  template <class Native>
  std::unique_ptr<Native> hear() {
    receive();
    const auto next = wire::next_frame(heard_);
    if (next.status != wire::NextFrame::Status::frame) return nullptr;
    REQUIRE(next.frame.kind == wire::ControlOf<Native>::kind);
    auto message = wire::decode<Native>(next.frame);
    heard_.erase(heard_.begin(), heard_.begin() + static_cast<std::ptrdiff_t>(next.consumed));
    return message;
  }
  // As hear, of a published message: "SEQ [KEY] PAYLOAD", or "SEQ [KEY] delete".
  std::string hear_data() {
    receive();
    const auto next = wire::next_frame(heard_);
    if (next.status != wire::NextFrame::Status::frame) return {};
    REQUIRE(next.frame.kind == wire::Kind::data);
    const wire::DataHead& head = next.frame.data();
    std::string text = std::to_string(head.seq) + " [" + std::string(as_text(next.frame.key())) +
                       "] " +
                       (head.deletion() ? "delete" : std::string(as_text(next.frame.payload())));
    heard_.erase(heard_.begin(), heard_.begin() + static_cast<std::ptrdiff_t>(next.consumed));
    return text;
  }
  void hang_up() {
    connection_.reset();
    heard_.clear();
  }

  Endpoint endpoint;

 private:
  void receive() {
    std::byte chunk[4096];
    ssize_t count = 0;
    while ((count = ::recv(connection_.get(), chunk, sizeof chunk, 0)) > 0) {
      heard_.insert(heard_.end(), chunk, chunk + count);
    }
  }

  std::string directory_;
  UniqueFd listener_;
  UniqueFd connection_;
  ByteVector heard_;
};

}  // namespace btb::client
