# btb_add_source_plugin(csv SOURCES a.cc b.cc [LINK lib...]): the target csv_plugin, which is <build>/plugins/csv.so, a
# source plugin that exports btb_plugin_entry and nothing else, and that does not link if it needs a symbol from the
# broker. The same in the tree of btbroker and, by find_package(btbroker), outside.
function(btb_add_source_plugin name)
  cmake_parse_arguments(PLUGIN "" "" "SOURCES;LINK" ${ARGN})
  set(exports ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/exports.map)
  add_library(${name}_plugin MODULE ${PLUGIN_SOURCES})
  set_target_properties(${name}_plugin PROPERTIES
    PREFIX "" OUTPUT_NAME ${name} LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/plugins LINK_DEPENDS ${exports}
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  if("CXX" IN_LIST languages)
    target_compile_features(${name}_plugin PRIVATE cxx_std_20)
  endif()
  target_link_libraries(${name}_plugin PRIVATE btbroker::plugin ${PLUGIN_LINK})
  target_link_options(${name}_plugin PRIVATE -Wl,--version-script=${exports})
  # clang leaves the sanitizers' own symbols to the program that loads the plugin.
  get_directory_property(options COMPILE_OPTIONS)
  set(flags "-fsanitize=${BTB_SANITIZE}")
  if("${BTB_SANITIZE}" STREQUAL "")
    set(flags "${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS} ${options}")
  endif()
  if(NOT ("${CMAKE_C_COMPILER_ID} ${CMAKE_CXX_COMPILER_ID}" MATCHES "Clang" AND "${flags}" MATCHES "-fsanitize"))
    target_link_options(${name}_plugin PRIVATE -Wl,-z,defs)
  endif()
endfunction()
