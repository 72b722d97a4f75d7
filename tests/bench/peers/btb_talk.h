// Talking to btbroker by hand: control frames into and out of a Conversation (docs/protocol.md).
// Functions; one thread.
#pragma once

#include <memory>
#include <string>

#include "sdk/wire/control.h"
#include "tests/bench/conversation.h"
#include "tests/bench/options.h"

namespace btb::bench {

template <class Native>
ByteVector control_bytes(const Native& message) {
  ByteVector out;
  wire::append_control(out, message);
  return out;
}

// Waits for the next whole frame; it borrows from the conversation: consume `consumed` when done
// with it.
inline wire::NextFrame next_frame(Conversation& with) {
  for (;;) {
    wire::NextFrame next = wire::next_frame(with.heard());
    if (next.status == wire::NextFrame::Status::fault) fail(next.fault.text);
    if (next.status == wire::NextFrame::Status::frame) return next;
    with.listen();
  }
}

// Waits for a frame of the kind that carries Native, and skips all others but a goodbye, which
// fails.
template <class Native>
std::unique_ptr<Native> await_frame(Conversation& with) {
  for (;;) {
    const wire::NextFrame next = next_frame(with);
    if (next.frame.kind == wire::ControlOf<Native>::kind) {
      std::unique_ptr<Native> found = wire::decode<Native>(next.frame);
      if (!found) fail("btbroker: a broken control frame");
      with.consume(next.consumed);
      return found;
    }
    if (next.frame.kind == wire::Kind::goodbye) {
      const auto goodbye = wire::decode<fb::GoodbyeT>(next.frame);
      fail("btbroker said goodbye: " +
           (goodbye ? std::string(wire::name_of(goodbye->reason)) : ""));
    }
    with.consume(next.consumed);
  }
}

// Hello, and the welcome.
inline std::unique_ptr<fb::WelcomeT> greet(Conversation& with) {
  fb::HelloT hello;
  hello.name = "load";
  hello.agent = "load/" BTB_VERSION;
  with.say(control_bytes(hello));
  return await_frame<fb::WelcomeT>(with);
}

// Asks for the number of a topic to publish to.
inline std::unique_ptr<fb::OpenedT> open_topic(Conversation& with, const std::string& name,
                                               wire::AckLevel ack) {
  fb::OpenT open;
  open.id = 1;
  open.name = name;
  open.ack = ack;
  with.say(control_bytes(open));
  std::unique_ptr<fb::OpenedT> opened = await_frame<fb::OpenedT>(with);
  if (opened->reason != wire::Reason::none)
    fail("btbroker does not open " + name + ": " + opened->text);
  return opened;
}

inline void subscribe_to(Conversation& with, const fb::SubscribeT& wanted) {
  with.say(control_bytes(wanted));
  const auto answer = await_frame<fb::SubscribedT>(with);
  if (answer->reason != wire::Reason::none)
    fail("btbroker refuses " + wanted.filter + ": " + answer->text);
}

}  // namespace btb::bench
