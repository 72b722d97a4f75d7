// Application: makes the parts of the broker and connects them: loop, router, sessions, sources,
// listeners, Bluetooth, clock, journal. It also applies the configuration, at the start and at each
// reload.
//
// No message passes through it. Once a turn it calls Sources::drain and Sessions::flush; they do
// the work. Resource; [loop] thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/app/bluetooth.h"
#include "broker/app/endpoints.h"
#include "broker/app/event_log.h"
#include "broker/app/session_log.h"
#include "broker/app/supervisor.h"
#include "broker/app/sys_topics.h"
#include "broker/config/compare_config.h"
#include "broker/config/config.h"
#include "broker/config/topic_rules.h"
#include "broker/loop/loop.h"
#include "broker/routing/router.h"
#include "broker/session/sessions.h"
#include "broker/source/sources.h"

namespace btb {

class Application final : private SessionsOwner, private SourceEvents, private Endpoints::Events {
 public:
  // `program_directory`: the folder of the executable, from which the default plugin_path follows.
  Application(std::unique_ptr<Config> config, std::string program_directory);
  ~Application();
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;

  // Opens the listeners and starts the sources. Fails if the listeners cannot be opened (see
  // Endpoints::start). Then no source was started, and `run` must not be called.
  Result<void> start();
  // Runs until SIGINT or SIGTERM. Then it stops the sources, sends each client a goodbye, and
  // returns. Call it once.
  void run();

 private:
  // SessionsOwner
  CommandResult command(const std::string& verb,
                        const std::vector<std::string>& arguments) override;
  void session_opened(const Session& session) override;
  void session_ended(const Session& session, const SessionEnd& end) override;
  // SourceEvents
  void source_event(const std::string& source, btb_log_level level, std::string_view text) override;

  // Endpoints::Events
  void connected(const ListenerConfig& config, std::unique_ptr<Stream> stream) override;
  void endpoint_event(bool good, std::string_view event, const std::string& endpoint,
                      const std::string& text) override;

  void announce();
  [[nodiscard]] BrokerCounters counters() const;
  std::shared_ptr<const TopicOptions> options_of(std::string_view topic, Publisher maker) const;
  void start_source(const SourceConfig& config);
  void apply_limits();
  // Clients get descriptors with a number below this one; the others are kept for sources and
  // listeners. 0: the system has not said its limit, so there is no bound.
  [[nodiscard]] int descriptors_for_clients() const;
  bool before_sleep();
  void tick();
  // Reads the configuration file again and applies it. If it has faults, they go to `faults`, the
  // result is null, and nothing has changed.
  std::unique_ptr<ConfigChanges> reload(std::vector<ConfigFault>& faults);
  void apply(ConfigChanges& changes);
  void say_warnings();
  void reload_by_signal();
  void shut_down();

  std::unique_ptr<Config> config_;
  const std::string program_directory_;
  bool stopping_ = false;  // shut_down has begun; a reload is refused
  EventLog log_;
  SystemClock clock_;
  SessionLog session_log_;
  const int64_t started_us_;
  Loop loop_;
  TopicRules rules_;
  Router router_;
  Sources sources_;
  Sessions sessions_;
  SysTopics sys_;
  Endpoints endpoints_;
  Bluetooth bluetooth_;
  Supervisor supervisor_;
  Timer tick_timer_;
  Timer sys_timer_;
  Signal interrupt_, terminate_, hang_up_;
};

}  // namespace btb
