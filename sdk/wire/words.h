// Words: the enums of the protocol and their names, as in schemas/frame.fbs. This header does not
// need FlatBuffers, so a program with a client does not need it either. Pure; [any] thread.
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

// The name of an enum value as in docs/protocol.md ("keep_alive_timeout"). "unknown" for a value
// that the enum does not have. The text is a static string.
std::string_view name_of(Kind kind);
std::string_view name_of(Reason reason);
std::string_view name_of(Priority priority);
std::string_view name_of(TopicKind kind);

}  // namespace btb::wire
