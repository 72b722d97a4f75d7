# `cmake --install` runs this: it writes the units and the configuration with the paths of the prefix. If the prefix is / or
# /usr, the configuration is in /etc; with any other prefix nothing is written outside of it. If there is a configuration
# already, it stays as it is.
cmake_policy(VERSION 3.25)  # this is a script of its own
foreach(folder btb_bindir btb_sysconfdir btb_unit_dir)
  if(NOT IS_ABSOLUTE "${${folder}}")
    if(folder STREQUAL "btb_sysconfdir" AND CMAKE_INSTALL_PREFIX MATCHES "^(/usr)?/*$")
      set(${folder} "/${${folder}}")
    else()
      set(${folder} "${CMAKE_INSTALL_PREFIX}/${${folder}}")
    endif()
  endif()
endforeach()

macro(btb_install_adapted file folder)
  set(installed "${folder}/${file}")
  file(READ "${btb_from}/${file}" text)
  string(REPLACE "/usr/bin/" "${btb_bindir}/" text "${text}")
  string(REPLACE "/etc/btbroker/" "${btb_sysconfdir}/btbroker/" text "${text}")
  message(STATUS "Installing: $ENV{DESTDIR}${installed}")
  file(WRITE "$ENV{DESTDIR}${installed}" "${text}")
  file(CHMOD "$ENV{DESTDIR}${installed}" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  list(APPEND CMAKE_INSTALL_MANIFEST_FILES "${installed}")
endmacro()

btb_install_adapted(btbroker.service "${btb_unit_dir}")
btb_install_adapted(bluetooth.service.d/btbroker.conf "${btb_unit_dir}")
foreach(file broker.yaml bluetooth.conf)
  if(EXISTS "$ENV{DESTDIR}${btb_sysconfdir}/btbroker/${file}")
    message(STATUS "Keeping: $ENV{DESTDIR}${btb_sysconfdir}/btbroker/${file}")
  else()
    btb_install_adapted(${file} "${btb_sysconfdir}/btbroker")
  endif()
endforeach()
