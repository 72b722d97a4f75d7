// Application: the broker, wired together in one place: loop, router, sessions, sources, listeners,
// clock, log.
//
// Nothing here is on the path of a message. Resource; [loop] thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/app/config.h"
#include "broker/app/endpoints.h"
#include "broker/app/event_log.h"
#include "broker/app/session_log.h"
#include "broker/app/supervisor.h"
#include "broker/app/sys_topics.h"
#include "broker/app/topic_rules.h"
#include "broker/discovery/discovery.h"
#include "broker/discovery/lost_links.h"
#include "broker/loop/loop.h"
#include "broker/routing/router.h"
#include "broker/session/sessions.h"
#include "broker/source/sources.h"

namespace btb {

class Application final : private SessionsOwner, private SourceEvents, private Endpoints::Events {
 public:
  // `program_directory` is where the executable lies, for the default plugin_path.
  Application(std::unique_ptr<Config> config, std::string program_directory);
  ~Application();
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;

  // Opens the listeners and starts the sources.
  Result<void> start();
  // Runs until SIGINT, SIGTERM or stop; then says goodbye to everyone.
  void run();

 private:
  friend class Commands;

  // SessionsOwner
  CommandResult command(const std::string& verb,
                        const std::vector<std::string>& arguments) override;
  bool has_place(const Session& newcomer) override;
  void session_opened(const Session& session) override;
  void session_ended(const Session& session, const SessionEnd& end) override;
  // SourceEvents
  void source_event(const std::string& source, btb_log_level level, std::string_view text) override;

  // Endpoints::Events
  void connected(const ListenerConfig& config, UniqueFd fd) override;
  void endpoint_event(bool good, std::string_view event, const std::string& endpoint,
                      const std::string& text) override;

  void announce();
  [[nodiscard]] size_t free_places(const std::string& adapter) const;
  [[nodiscard]] std::vector<std::string> places_elsewhere(const std::string& adapter) const;
  void update_announcement();
  void note_loose_link(const SessionTraits& traits);
  void drop_loose_links();
  [[nodiscard]] bool listens_on_classic(const bluez::AdapterState& adapter) const;
  void look_at_classic_links();
  [[nodiscard]] size_t idle_places(const std::string& adapter) const;
  [[nodiscard]] std::pair<std::string, std::vector<std::string>> no_place(
      const std::string& adapter) const;
  void turn_away_or_adopt(UniqueFd fd, SessionTraits traits);
  [[nodiscard]] BrokerCounters counters() const;
  std::shared_ptr<const TopicOptions> options_of(std::string_view topic, Publisher maker) const;
  void start_source(const SourceConfig& config);
  void apply_limits();
  // Numbers of descriptors below this one may go to clients. 0: all.
  [[nodiscard]] int descriptors_for_clients() const;
  bool before_sleep();
  void tick();
  // Reads the file again; null and the faults if it cannot be used, and then nothing has changed.
  std::unique_ptr<ConfigChanges> reload(std::vector<ConfigFault>& faults);
  void apply(ConfigChanges& changes);
  void say_warnings();
  void reload_by_signal();
  void shut_down();

  std::unique_ptr<Config> config_;
  const std::string program_directory_;
  bool stopping_ = false;  // nothing new is begun
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
  // Of LE devices whose session ended. Both by address.
  struct LooseLink {
    std::string adapter;
    std::string device;
    uint64_t since_ms = 0;
  };
  std::vector<LooseLink> loose_links_;
  LostLinks lost_links_;
  uint32_t link_ticks_ = 0;
  std::unique_ptr<Discovery> discovery_;              // null: no listener is a Bluetooth one
  std::map<std::string, uint64_t> bluetooth_events_;  // what it told, and how often
  Supervisor supervisor_;
  Timer tick_timer_;
  Timer sys_timer_;
  Signal interrupt_, terminate_, hang_up_;
};

}  // namespace btb
