// Words: the enums of the protocol and their names, as schemas/frame.fbs has them. Needs nothing of
// FlatBuffers, so that a program with a client can do without. Pure; [any] thread.
#pragma once

#include <string_view>

#include "schemas/frame_enums.h"

namespace btb::wire {

using fb::AckLevel;
using fb::From;
using fb::Kind;
using fb::Priority;
using fb::Reason;
using fb::TopicKind;

// The name of an enum value as docs/protocol.md writes it ("keep_alive_timeout"); "unknown" for one
// that is not ours. Static.
std::string_view name_of(Kind kind);
std::string_view name_of(Reason reason);
std::string_view name_of(Priority priority);
std::string_view name_of(TopicKind kind);

}  // namespace btb::wire
