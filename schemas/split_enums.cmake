# split_enums.cmake: takes the enums out of a header that flatc wrote (FROM) into one of their own (ENUMS), which needs
# nothing of FlatBuffers; what is left (TO) includes it. So the words of the protocol cost nothing where its tables are
# not used, and a program that is built against an installed client needs no FlatBuffers.
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
