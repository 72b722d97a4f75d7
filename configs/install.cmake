# What the system around a broker needs: units, the user it runs as, its configuration. systemd/install.cmake writes what
# depends on the prefix, which may be another one at installation than it was before.
set(BTB_SYSTEMD_UNIT_DIR lib/systemd/system CACHE STRING "Where units go, below the prefix or absolute")
set(BTB_SYSUSERS_DIR lib/sysusers.d CACHE STRING "Where users of the system are declared, below the prefix or absolute")

install(FILES configs/broker.yaml configs/minimal.yaml DESTINATION share/doc/btbroker COMPONENT broker)
install(FILES configs/systemd/btbroker.sysusers.conf DESTINATION ${BTB_SYSUSERS_DIR} RENAME btbroker.conf COMPONENT broker)
install(CODE "set(btb_from \"${CMAKE_CURRENT_LIST_DIR}/systemd\")
  set(btb_bindir \"${CMAKE_INSTALL_BINDIR}\")
  set(btb_sysconfdir \"${CMAKE_INSTALL_SYSCONFDIR}\")
  set(btb_unit_dir \"${BTB_SYSTEMD_UNIT_DIR}\")" COMPONENT broker)
install(SCRIPT ${CMAKE_CURRENT_LIST_DIR}/systemd/install.cmake COMPONENT broker)
