# btb_add_source_plugin(csv SOURCES a.cc b.cc [LINK lib...]): builds <build>/plugins/csv.so, a source plugin that exports
# btb_plugin_entry and nothing else, and that does not link if it needs a symbol from the broker.
function(btb_add_source_plugin name)
  cmake_parse_arguments(PLUGIN "" "" "SOURCES;LINK" ${ARGN})
  set(sdk ${CMAKE_CURRENT_FUNCTION_LIST_DIR})
  add_library(${name}_plugin MODULE ${PLUGIN_SOURCES})
  set_target_properties(${name}_plugin PROPERTIES
    PREFIX "" OUTPUT_NAME ${name} CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins
    LINK_DEPENDS ${sdk}/exports.map)
  target_compile_features(${name}_plugin PRIVATE cxx_std_20)
  target_include_directories(${name}_plugin PRIVATE ${sdk}/../..)
  target_link_libraries(${name}_plugin PRIVATE ${PLUGIN_LINK})
  target_link_options(${name}_plugin PRIVATE
    -Wl,--version-script=${sdk}/exports.map)
  if(NOT BTB_SANITIZE)  # the sanitizers' own symbols are resolved when the plugin is loaded
    target_link_options(${name}_plugin PRIVATE -Wl,-z,defs)
  endif()
endfunction()
