# The configuration as a target of its own, so that its tests and its fuzzer need nothing else of the room.
add_library(broker_app_config STATIC
  ${PROJECT_SOURCE_DIR}/broker/app/config.cc ${PROJECT_SOURCE_DIR}/broker/app/config_compare.cc
  ${PROJECT_SOURCE_DIR}/broker/app/config_keys.cc ${PROJECT_SOURCE_DIR}/broker/app/config_print.cc
  ${PROJECT_SOURCE_DIR}/broker/app/config_reader.cc ${PROJECT_SOURCE_DIR}/broker/app/config_sections.cc
  ${PROJECT_SOURCE_DIR}/broker/app/config_yaml.cc ${PROJECT_SOURCE_DIR}/broker/app/plugin_files.cc
  ${PROJECT_SOURCE_DIR}/broker/app/topic_kinds.cc)
btb_headers(broker_app_config)
target_compile_options(broker_app_config PRIVATE ${BTB_COLD})
target_link_libraries(broker_app_config PUBLIC btb_flags sdk_base sdk_wire sdk_transport sdk_host broker_log
  PRIVATE yaml-cpp::yaml-cpp)
