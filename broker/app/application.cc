// Parts: wiring (the constructor); life-cycle; the work of each turn and each second; listeners and
// sources; the events of the parts; reload.
#include "broker/app/application.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>

#include "broker/app/commands.h"
#include "broker/config/read_config.h"

namespace btb {

namespace {

constexpr uint64_t tick_ms = 1'000;
constexpr uint32_t shutdown_retry_after_ms = 1'000;
constexpr uint64_t shutdown_flush_ms = 500;
constexpr uint64_t shutdown_look_ms = 20;
constexpr size_t kept_topics_told_max = 10;

// Differs between runs, even on a machine whose clock starts at the same time after each boot.
uint64_t make_epoch(int64_t now_us) {
  std::random_device random;
  return (static_cast<uint64_t>(now_us) << 12) ^ random();
}

EventLog::Level level_of(btb_log_level level) {
  switch (level) {
    case BTB_LOG_DEBUG:
      return EventLog::Level::debug;
    case BTB_LOG_INFO:
      return EventLog::Level::info;
    case BTB_LOG_WARNING:
      return EventLog::Level::warning;
    default:
      return EventLog::Level::error;
  }
}

// Root and the broker's own user. The kernel tells the user, and only for unix sockets.
bool is_owner(const std::optional<PeerUser>& user) {
  return user && (user->uid == 0 || user->uid == ::geteuid());
}

// A text that no other broker has, and that stays the same when this one is started again.
std::string identity(const Config& config) {
  std::string machine;
  std::ifstream file("/etc/machine-id");
  std::getline(file, machine);
  std::error_code fault;
  const auto path = std::filesystem::absolute(config.file, fault).lexically_normal();
  return config.broker.name + "\n" + machine + "\n" + path.string();
}

}  // namespace

Application::Application(std::unique_ptr<Config> config, std::string program_directory)
    : config_(std::move(config)),
      program_directory_(std::move(program_directory)),
      log_(config_->broker.log_level, config_->broker.log_format),
      session_log_(log_, clock_),
      started_us_(clock_.now_us()),
      rules_(*config_),
      router_(clock_, make_epoch(started_us_),
              [this](std::string_view name, Publisher maker) { return options_of(name, maker); }),
      sources_(loop_, router_, clock_, *this),
      sessions_(loop_, router_, clock_, *this, config_->broker.name),
      sys_(router_, sessions_, sources_, started_us_),
      endpoints_(loop_, clock_, *this),
      bluetooth_(loop_, clock_, sessions_.admission(), endpoints_,
                 [this](bool good, const std::string& what, const std::string& text) {
                   log_.write(good ? EventLog::Level::info : EventLog::Level::warning, what, text);
                 }),
      supervisor_(loop_),
      tick_timer_(loop_, [this] { tick(); }),
      sys_timer_(loop_, [this] { sys_.publish(counters()); }),
      interrupt_(loop_, SIGINT, [this] { loop_.stop(); }),
      terminate_(loop_, SIGTERM, [this] { loop_.stop(); }),
      hang_up_(loop_, SIGHUP, [this] { reload_by_signal(); }) {
  apply_limits();
  loop_.set_before_sleep([this] { return before_sleep(); });
}

Application::~Application() = default;

// --- life-cycle ---

Result<void> Application::start() {
  say_warnings();
  const Result<void> opened = endpoints_.start(config_->listen);
  if (!opened) return opened.error();
  announce();
  for (const SourceConfig& config : config_->sources) {
    if (config.enabled) start_source(config);
  }
  tick_timer_.start(tick_ms, tick_ms);
  const auto sys_ms = static_cast<uint64_t>(config_->broker.sys_interval_ms);
  if (sys_ms != 0) sys_timer_.start(0, sys_ms);
  log_.write(EventLog::Level::info, "started", "",
             {{"name", config_->broker.name}, {"version", BTB_VERSION}});
  supervisor_.ready(config_->broker.name + ": " + std::to_string(endpoints_.open().size()) +
                    " listeners, " + std::to_string(config_->sources.size()) + " sources");
  return {};
}

// Writes warnings for the person that starts the broker: things that are allowed, and may be
// mistakes.
void Application::say_warnings() {
  for (const ConfigFault& warning : config_->warnings) {
    log_.write(EventLog::Level::warning, "config_warning", to_string(warning));
  }
  const int descriptors = descriptors_for_clients();
  if (descriptors == 0 || static_cast<uint32_t>(descriptors) >= config_->limits.sessions) return;
  log_.write(EventLog::Level::warning, "descriptors",
             "the system gives fewer descriptors than limits.sessions needs (ulimit -n, "
             "LimitNOFILE): that many clients find a place, less what sources and sockets use",
             {{"for_clients", std::to_string(descriptors)},
              {"sessions", std::to_string(config_->limits.sessions)}});
}

void Application::run() {
  loop_.run();
  shut_down();
}

void Application::shut_down() {
  stopping_ = true;
  supervisor_.stopping();
  log_.write(EventLog::Level::info, "stopping", "");
  endpoints_.close_all();
  bluetooth_.stop();
  tick_timer_.stop();
  sys_timer_.stop();
  sources_.stop_all();
  sessions_.close_all(wire::Reason::shutting_down, "the broker stops", shutdown_retry_after_ms);
  const uint64_t until_ms = clock_.mono_ms() + shutdown_flush_ms;
  tick_timer_.start(shutdown_look_ms, shutdown_look_ms);
  while (sessions_.count() != 0 && clock_.mono_ms() < until_ms) loop_.run_once(true);
  tick_timer_.stop();
  session_log_.finish();
  loop_.set_before_sleep(nullptr);
}

// At most half of the descriptors are reserved, even if there are very few.
int Application::descriptors_for_clients() const {
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return 0;
  const rlim_t all = std::min<rlim_t>(descriptors.rlim_cur, std::numeric_limits<int>::max());
  const rlim_t reserved = std::min<rlim_t>(config_->limits.descriptors_reserved, all / 2);
  return static_cast<int>(all - reserved);
}

void Application::apply_limits() {
  const LimitsConfig& from = config_->limits;
  const int descriptors = descriptors_for_clients();
  AdmissionLimits& admission = sessions_.admission().limits;
  if (descriptors != 0) admission.descriptors = descriptors;
  admission.sessions = from.sessions;
  admission.sessions_per_peer = from.sessions_per_peer;
  admission.sessions_per_device = from.sessions_per_device;
  admission.sessions_per_adapter = from.sessions_per_adapter;
  admission.handshakes = from.handshakes;
  admission.let_go_after_ms = from.let_go_after_ms;
  sessions_.limits.subscriptions_per_session = from.subscriptions_per_session;
  sessions_.limits.message_bytes = from.message_bytes;
  sessions_.limits.handshake_timeout_ms = from.handshake_timeout_ms;
  sessions_.limits.keep_alive_ms = from.keep_alive_ms;
  sessions_.limits.flush_budget_bytes = from.flush_budget_bytes;
  router_.topics_max = from.topics;
  router_.client_topics_max = from.client_topics;
  router_.client_topics_per_peer_max = from.client_topics_per_peer;
  router_.memory_max = from.memory;
  router_.memory_per_peer_max = from.memory_per_peer;
  router_.client_batch_ms = from.client_batch_ms;
  sessions_.unfinished().bytes_max = from.unfinished_messages;
  sources_.stop_timeout_ms = from.source_stop_timeout_ms;
}

// --- every turn, every second ---

bool Application::before_sleep() {
  const bool sources_have_more = sources_.drain();
  const bool expiring = router_.go_on_expiring(limits::turn_work);
  const bool sessions_have_more = sessions_.flush();
  return sources_have_more || expiring || sessions_have_more;
}

void Application::tick() {
  sessions_.tick();
  sources_.tick();
  router_.begin_expiring();
  if (endpoints_.tick()) announce();
  bluetooth_.tick();
  session_log_.tick();
}

// --- listeners and sources ---

void Application::connected(const ListenerConfig& config, std::unique_ptr<Stream> stream) {
  using Admin = ListenerConfig::Admin;
  StreamFacts facts = stream->facts();
  SessionTraits traits;
  traits.is_operator = config.admin != Admin::nobody && is_owner(facts.user);
  traits.admin = traits.is_operator || config.admin == Admin::anyone;
  traits.peer = std::move(facts.peer);
  traits.origin = std::move(facts.origin);
  traits.adapter = std::move(facts.adapter);
  traits.classic = !traits.adapter.empty() && !traits.peer.starts_with("le ");
  traits.listener = config.endpoint;
  traits.client_publish = config.client_publish;
  sessions_.adopt(std::move(stream), std::move(traits));
}

void Application::announce() {
  const uint16_t site = bluez::site_of(identity(*config_));
  if (bluetooth_.announce(config_->broker.name, site)) sessions_.site = site;
}

void Application::endpoint_event(bool good, std::string_view event, const std::string& endpoint,
                                 const std::string& text) {
  log_.write(good ? EventLog::Level::info : EventLog::Level::warning, event, text,
             {{"endpoint", endpoint}});
}

BrokerCounters Application::counters() const {
  return {endpoints_.out_of_descriptors(), log_.lost(), session_log_.held()};
}

std::shared_ptr<const TopicOptions> Application::options_of(std::string_view topic,
                                                            Publisher maker) const {
  return rules_.options_of(topic, sources_.name_of(maker));
}

void Application::start_source(const SourceConfig& config) {
  SourceSpec spec;
  spec.name = config.name;
  spec.library = config.library;
  spec.settings = config.settings;
  spec.restart_delay_ms = config.restart_delay_ms;
  spec.limits = {config_->limits.source_mailbox_bytes, config_->limits.message_bytes,
                 config_->limits.dead_letters_per_minute};
  log_.write(EventLog::Level::info, "source_started", "",
             {{"source", config.name}, {"plugin", config.plugin_file}});
  sources_.add(std::move(spec));
}

// --- what the parts tell ---

CommandResult Application::command(const std::string& verb,
                                   const std::vector<std::string>& arguments) {
  const Commands::Broker broker{
      .config = *config_,
      .clock = clock_,
      .started_us = started_us_,
      .router = router_,
      .sessions = sessions_,
      .sources = sources_,
      .endpoints = endpoints_,
      .bluetooth = bluetooth_,
      .counters = counters(),
      .descriptors_for_clients = descriptors_for_clients(),
      .reload = [this](std::vector<ConfigFault>& faults) { return reload(faults); },
  };
  return Commands(broker).run(verb, arguments);
}

void Application::session_opened(const Session& session) {
  session_log_.opened(session);
}

void Application::session_ended(const Session& session, const SessionEnd& end) {
  const SessionTraits& traits = session.traits();
  bluetooth_.session_ended(traits.adapter, std::string(traits.device()), traits.classic);
  session_log_.ended(session, end);
}

void Application::source_event(const std::string& source, btb_log_level level,
                               std::string_view text) {
  log_.write(level_of(level), "source", text, {{"source", source}});
}

// --- reload ---

void Application::reload_by_signal() {
  std::vector<ConfigFault> faults;
  reload(faults);
}

// First it reads, checks and compares, and opens the new endpoints. Each of these steps may fail.
// Only then the old configuration is given up.
std::unique_ptr<ConfigChanges> Application::reload(std::vector<ConfigFault>& faults) {
  if (stopping_) {
    faults.push_back({config_->file, 0, 0, "the broker is stopping"});
    return nullptr;
  }
  std::unique_ptr<Config> fresh =
      read_config(config_->file, program_directory_, faults, config_->plugin_files);
  auto changes = std::make_unique<ConfigChanges>();
  Endpoints::Fresh endpoints;
  if (fresh != nullptr) {
    *changes = compare(*config_, *fresh);
    std::vector<std::string> texts;
    endpoints = endpoints_.prepare(changes->listeners_added, texts);
    for (std::string& text : texts) faults.push_back({config_->file, 0, 0, std::move(text)});
    for (const Endpoints::Open& open : endpoints.open)
      changes->applied.push_back("listen " + open.config.endpoint + ": opened");
    for (const Endpoints::Waiting& one : endpoints.waiting) {
      changes->applied.push_back("listen " + one.config.endpoint + ": not open yet (" + one.why +
                                 "); it is tried again until it can be opened");
    }
  }
  for (const ConfigFault& fault : faults) {
    log_.write(EventLog::Level::error, "reload_fault", to_string(fault));
  }
  if (!faults.empty()) {
    log_.write(EventLog::Level::error, "reload_refused",
               "the configuration has faults; nothing was changed");
    return nullptr;
  }
  keep_what_runs(*config_, *fresh);
  config_ = std::move(fresh);
  endpoints_.take(std::move(endpoints), config_->listen);
  apply(*changes);
  say_warnings();
  for (const std::string& line : changes->applied)
    log_.write(EventLog::Level::info, "reload_applied", line);
  for (const std::string& line : changes->needs_restart) {
    log_.write(EventLog::Level::warning, "reload_needs_restart", line);
  }
  return changes;
}

void Application::apply(ConfigChanges& changes) {
  log_.configure(config_->broker.log_level, config_->broker.log_format);
  apply_limits();
  rules_ = TopicRules(*config_);
  const std::vector<std::string> kept = router_.refresh_options(
      [this](std::string_view name, Publisher maker) { return options_of(name, maker); });
  for (size_t i = 0; i < std::min(kept.size(), kept_topics_told_max); ++i) {
    changes.needs_restart.push_back("topic " + kept[i] + ": is there already, and keeps its kind");
  }
  if (kept.size() > kept_topics_told_max) {
    changes.needs_restart.push_back(std::to_string(kept.size() - kept_topics_told_max) +
                                    " more topics keep their kind");
  }

  for (const ListenerConfig& gone : changes.listeners_removed) {
    const bool stays =
        std::any_of(config_->listen.begin(), config_->listen.end(),
                    [&](const ListenerConfig& other) { return other.endpoint == gone.endpoint; });
    if (!stays) sessions_.close_listener(gone.endpoint);
  }
  if (endpoints_.tick() || !changes.listeners_added.empty() || !changes.listeners_removed.empty()) {
    announce();
  }
  for (const ListenerConfig& config : config_->listen) {
    sessions_.allow_publishing(config.endpoint, config.client_publish);
  }

  for (const std::string& name : changes.sources_removed) sources_.remove(name);
  for (const SourceConfig& config : config_->sources) {
    const auto named = [&](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), config.name) != names.end();
    };
    if (!named(changes.sources_added) && !named(changes.sources_changed)) continue;
    if (config.enabled) {
      start_source(config);
    } else {
      sources_.remove(config.name);
    }
  }
  const auto sys_ms = static_cast<uint64_t>(config_->broker.sys_interval_ms);
  if (sys_ms == 0) {
    sys_timer_.stop();
  } else {
    sys_timer_.start(sys_ms, sys_ms);
  }
}

}  // namespace btb
