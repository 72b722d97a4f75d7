#include "tests/lab/peer/find.h"

#include <bluetooth/hci.h>
#include <bluetooth/hci_lib.h>
#include <bluetooth/sdp.h>
#include <bluetooth/sdp_lib.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lab/peer/talk.h"

enum {
  INQUIRY_LENGTH = 8,
  DEVICES_MAX = 32,
  LOOKS_MAX = 3,
  VERSION_ATTRIBUTE = 0x300,
  SITE_ATTRIBUTE = 0x301
};

/* 9f1c7b0e-5d3a-4e0b-8a6c-627462726f6b */
static const uint8_t broker_uuid[16] = {0x9f, 0x1c, 0x7b, 0x0e, 0x5d, 0x3a, 0x4e, 0x0b,
                                        0x8a, 0x6c, 0x62, 0x74, 0x62, 0x72, 0x6f, 0x6b};

/* The channel or PSM of a protocol in a list as the library makes it, 0 if it is not there; frees
 * the list. */
static int port_in(sdp_list_t* protocols, int protocol) {
  const int port = sdp_get_proto_port(protocols, protocol);
  for (sdp_list_t* one = protocols; one != NULL; one = one->next)
    sdp_list_free((sdp_list_t*)one->data, NULL);
  sdp_list_free(protocols, NULL);
  return port > 0 ? port : 0;
}

static int number_of(const sdp_record_t* record, uint16_t attribute) {
  const sdp_data_t* data = sdp_data_get(record, attribute);
  if (data == NULL) return -1;
  return data->dtd == SDP_UINT8 ? data->val.uint8 : data->dtd == SDP_UINT16 ? data->val.uint16 : -1;
}

/* The record says: RFCOMM with its channel, or L2CAP with its PSM (attribute 4); L2CAP as well
 * (attribute 0xD). */
static bool read_record(const sdp_record_t* record, struct found_broker* broker) {
  sdp_list_t* protocols = NULL;
  broker->channel = 0;
  broker->psm = 0;
  if (sdp_get_access_protos(record, &protocols) == 0)
    broker->channel = port_in(protocols, RFCOMM_UUID);
  if (sdp_get_access_protos(record, &protocols) == 0) broker->psm = port_in(protocols, L2CAP_UUID);
  if (broker->psm == 0 && sdp_get_add_access_protos(record, &protocols) == 0) {
    broker->psm = port_in(protocols, L2CAP_UUID);
  }
  char name[256] = "";
  (void)sdp_get_service_name(record, name, sizeof name);
  char address[18];
  ba2str(&broker->address, address);
  printf("record %s name=%s channel=%d psm=%d version=%d site=%d\n", address, name, broker->channel,
         broker->psm, number_of(record, VERSION_ATTRIBUTE), number_of(record, SITE_ATTRIBUTE));
  return (broker->channel != 0 || broker->psm != 0) && number_of(record, VERSION_ATTRIBUTE) == 1;
}

static bool ask(const bdaddr_t* own, struct found_broker* broker) {
  sdp_session_t* session = sdp_connect(own, &broker->address, SDP_RETRY_IF_BUSY);
  if (session == NULL) return false;
  uuid_t uuid;
  uint32_t all = 0x0000ffff;
  sdp_uuid128_create(&uuid, broker_uuid);
  sdp_list_t* wanted = sdp_list_append(NULL, &uuid);
  sdp_list_t* attributes = sdp_list_append(NULL, &all);
  sdp_list_t* records = NULL;
  bool found = false;
  if (sdp_service_search_attr_req(session, wanted, SDP_ATTR_REQ_RANGE, attributes, &records) == 0) {
    for (sdp_list_t* one = records; one != NULL && !found; one = one->next) {
      found = read_record((sdp_record_t*)one->data, broker);
    }
  }
  sdp_list_free(records, (sdp_free_func_t)sdp_record_free);
  sdp_list_free(wanted, NULL);
  sdp_list_free(attributes, NULL);
  sdp_close(session);
  return found;
}

bool find_broker(const bdaddr_t* own, struct found_broker* broker) {
  char text[18];
  ba2str(own, text);
  const int adapter = hci_devid(text);
  if (adapter < 0) fail("there is no adapter %s", text);
  for (int look = 0; look < LOOKS_MAX; ++look) {
    inquiry_info* heard = NULL;
    const int count =
        hci_inquiry(adapter, INQUIRY_LENGTH, DEVICES_MAX, NULL, &heard, IREQ_CACHE_FLUSH);
    if (count < 0) fail("inquiry: %m");
    bool found = false;
    for (int i = 0; i < count && !found; ++i) {
      bacpy(&broker->address, &heard[i].bdaddr);
      ba2str(&broker->address, text);
      printf("heard %s\n", text);
      found = ask(own, broker);
    }
    free(heard);
    if (found) return true;
  }
  return false;
}
