/* Finding a broker over Bluetooth with BlueZ's library: an inquiry, then the service records of all
 * that answered. */
#pragma once

#include <bluetooth/bluetooth.h>
#include <stdbool.h>

struct found_broker {
  bdaddr_t address;
  int channel; /* of RFCOMM, 0 if the record names none */
  int psm;     /* of L2CAP, likewise */
};

/* The first device that answers an inquiry of the adapter `own` and has a record of a broker. Says
 * on standard output what it hears. False if there is none. Takes up to half a minute. */
bool find_broker(const bdaddr_t* own, struct found_broker* broker);
