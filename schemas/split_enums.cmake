# split_enums.cmake: moves the enums out of a header that flatc wrote (FROM) into a header of their own (ENUMS), which does
# not need FlatBuffers. The rest (TO) includes it. So files that use only the enums of the protocol compile quickly, and a
# program that is built with an installed client needs no FlatBuffers.
file(READ "${FROM}" text)
string(ASCII 31 semicolon)  # CMake splits lists at ";"
string(REPLACE ";" "${semicolon}" text "${text}")
set(enum "enum class [A-Za-z]+ : [a-z0-9_]+ {[^}]*}${semicolon}\n")
string(REGEX MATCHALL "${enum}" enums "${text}")
if(NOT enums)
  message(FATAL_ERROR "${FROM} has no enum of the form that is looked for")
endif()
list(JOIN enums "\n" enums)
string(REGEX REPLACE "${enum}" "" text "${text}")
get_filename_component(name "${ENUMS}" NAME)
string(REGEX REPLACE "\nnamespace btb {" "\n#include \"schemas/${name}\"\n\nnamespace btb {" text "${text}")
string(REPLACE "${semicolon}" ";" text "${text}")
string(REPLACE "${semicolon}" ";" enums "${enums}")
file(WRITE "${TO}" "${text}")
file(WRITE "${ENUMS}" "// The enums of the protocol, from schemas/frame.fbs, which explains each value. Written by the build.
#pragma once

#include <cstdint>

namespace btb::fb {

${enums}
}  // namespace btb::fb
")
