// World: a Router with a clock in the test's hand and two subscribers. Topics whose names begin
// with "s" are state topics. For tests.
#pragma once

#include <doctest/doctest.h>

#include <random>
#include <set>

#include "broker/routing/router.h"
#include "sdk/wire/control.h"
#include "sdk/wire/topic_name.h"
#include "tests/support/manual_clock.h"

namespace btb::test {

using wire::From;
using wire::Priority;

using Names = std::vector<std::string>;

struct World {
  World()
      : router(clock, 7, [this](std::string_view name, Publisher) { return options_of(name); }) {}
  ~World() {
    for (Subscriber* subscriber : {&first, &second}) router.remove(*subscriber);
  }

  std::shared_ptr<const TopicOptions> options_of(std::string_view name) const {
    auto options = std::make_shared<TopicOptions>(common);
    if (name.starts_with('s')) options->kind = wire::TopicKind::state;
    return options;
  }
  Topic& topic(std::string_view name) { return *router.find_or_make(name); }
  PublishResult put(std::string_view name, std::string_view key = "k", bool batch_more = false) {
    Message message;
    message.key = as_bytes(key);
    message.payload = as_bytes("x");
    message.batch_more = batch_more;
    return router.publish(topic(name), message);
  }
  PublishResult del(std::string_view name, std::string_view key) {
    Message message;
    message.key = as_bytes(key);
    message.deletion = true;
    return router.publish(topic(name), message);
  }
  uint32_t subscribe(Subscriber& subscriber, uint32_t id, std::string_view filter,
                     From from = From::latest, int64_t value = 0) {
    SubscribeRequest request;
    request.id = id;
    request.filter = filter;
    request.from = from;
    request.value = value;
    return router.subscribe(subscriber, request);
  }
  const Follower& follower(const Subscriber& subscriber, std::string_view name) {
    for (const auto& follower : subscriber.followers()) {
      if (follower->topic->name == name) return *follower;
    }
    FAIL("nobody follows it");
    std::abort();
  }
  // Takes what is due off a subscriber's lists, in order.
  static std::vector<std::string> take_due(Subscriber& subscriber) {
    std::vector<std::string> out;
    for (const Priority priority :
         {Priority::alert, Priority::normal, Priority::bulk, Priority::background}) {
      while (!subscriber.due(priority).empty()) {
        out.push_back(subscriber.due(priority).pop()->topic->name);
      }
    }
    return out;
  }
  std::vector<Subscriber*> flush_list() {
    router.mark();
    std::vector<Subscriber*> out;
    router.take_flush_list(out);
    return out;
  }

  ManualClock clock;
  TopicOptions common;
  Router router;
  Subscriber first, second;
};

}  // namespace btb::test
