#include "broker/app/application.h"

#include <sys/resource.h>
#include <unistd.h>

#include <bit>
#include <csignal>
#include <random>

#include "broker/app/commands.h"

namespace btb {

namespace {

constexpr uint64_t tick_ms = 1'000;
constexpr uint32_t shutdown_retry_after_ms = 1'000;
constexpr uint64_t shutdown_flush_ms = 500;
constexpr uint64_t shutdown_look_ms = 20;
constexpr size_t kept_topics_told_max = 10;
constexpr uint32_t absent_retry_ticks = 3;

// Differs between runs, also of a machine whose clock starts at the same time each day.
uint64_t make_epoch(int64_t now_us) {
  std::random_device random;
  return (static_cast<uint64_t>(now_us) << 12) ^ random();
}

// Whether what is missing for this endpoint is a Bluetooth adapter.
bool may_appear(const std::string& text, const Error& error) {
  const Result<Endpoint> endpoint = parse_endpoint(text);
  return endpoint && Discovery::concerns({*endpoint}) &&
         (error.code == Errc::not_found || error.code == Errc::unavailable);
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

bool may_command(const ListenerConfig& config, int fd) {
  switch (config.admin) {
    case ListenerConfig::Admin::anyone:
      return true;
    case ListenerConfig::Admin::nobody:
      return false;
    case ListenerConfig::Admin::owner: {
      const std::optional<PeerUser> user = peer_user(fd);
      return user && (user->uid == 0 || user->uid == ::geteuid());
    }
  }
  return false;
}

}  // namespace

Application::Application(std::unique_ptr<Config> config, std::string program_directory)
    : config_(std::move(config)),
      program_directory_(std::move(program_directory)),
      log_(config_->broker.log_level, config_->broker.log_format),
      started_us_(clock_.now_us()),
      rules_(config_->topics),
      router_(clock_, make_epoch(started_us_),
              [this](std::string_view name) { return rules_.options_of(name); }),
      sources_(loop_, router_, clock_, *this),
      sessions_(loop_, router_, clock_, *this, config_->broker.name),
      sys_(router_, sessions_, sources_, started_us_),
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
  for (const ListenerConfig& config : config_->listen) {
    const Result<void> opened = listen(config);
    if (opened) continue;
    if (!may_appear(config.endpoint, opened.error())) return opened.error();
    log_.write(EventLog::Level::warning, "not_listening",
               opened.error().text + "; it is tried again every few seconds");
    absent_.push_back(config);
  }
  announce();
  for (const SourceConfig& config : config_->sources) {
    if (config.enabled) start_source(config);
  }
  warn_of_descriptors();
  tick_timer_.start(tick_ms, tick_ms);
  const auto sys_ms = static_cast<uint64_t>(config_->broker.sys_interval_ms);
  if (sys_ms != 0) sys_timer_.start(0, sys_ms);
  log_.write(EventLog::Level::info, "started", "",
             {{"name", config_->broker.name}, {"version", BTB_VERSION}});
  supervisor_.ready(config_->broker.name + ": " + std::to_string(listeners_.size()) +
                    " listeners, " + std::to_string(config_->sources.size()) + " sources");
  return {};
}

// Each session is a descriptor, and sources and listeners have some of their own.
void Application::warn_of_descriptors() {
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0 ||
      descriptors.rlim_cur >= config_->limits.sessions + 64) {
    return;
  }
  log_.write(
      EventLog::Level::warning, "descriptors",
      "the system gives fewer descriptors than limits.sessions needs (ulimit -n, LimitNOFILE)",
      {{"descriptors", std::to_string(descriptors.rlim_cur)},
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
  listeners_.clear();
  discovery_.reset();
  tick_timer_.stop();
  sys_timer_.stop();
  sources_.stop_all();
  sessions_.close_all(wire::Reason::shutting_down, "the broker stops", shutdown_retry_after_ms);
  const uint64_t until_ms = clock_.mono_ms() + shutdown_flush_ms;
  tick_timer_.start(shutdown_look_ms, shutdown_look_ms);
  while (sessions_.count() != 0 && clock_.mono_ms() < until_ms) loop_.run_once(true);
  tick_timer_.stop();
  loop_.set_before_sleep(nullptr);
}

void Application::apply_limits() {
  const LimitsConfig& from = config_->limits;
  sessions_.limits.sessions = from.sessions;
  sessions_.limits.handshakes = from.handshakes;
  sessions_.limits.subscriptions_per_session = from.subscriptions_per_session;
  sessions_.limits.message_bytes = from.message_bytes;
  sessions_.limits.handshake_timeout_ms = from.handshake_timeout_ms;
  sessions_.limits.keep_alive_ms = from.keep_alive_ms;
  sessions_.limits.flush_budget_bytes = from.flush_budget_bytes;
  sessions_.limits.let_go_after_ms = from.let_go_after_ms;
  router_.topics_max = from.topics;
  router_.client_batch_ms = from.client_batch_ms;
  sources_.stop_timeout_ms = from.source_stop_timeout_ms;
}

// --- every turn, every second ---

bool Application::before_sleep() {
  const bool sources_have_more = sources_.drain();
  const bool sessions_have_more = sessions_.flush();
  return sources_have_more || sessions_have_more;
}

void Application::tick() {
  sessions_.tick();
  sources_.tick();
  router_.expire();
  listen_to_absent();
  update_announcement();
}

// --- listeners and sources ---

Result<Application::OpenListener> Application::open_listener(const ListenerConfig& config) {
  Result<Endpoint> endpoint = parse_endpoint(config.endpoint);
  if (!endpoint) return endpoint.error();
  ListenOptions options;
  options.mode = config.mode;
  Result<std::unique_ptr<Listener>> listener =
      Listener::open(loop_, *endpoint, options,
                     [this, at = config.endpoint](UniqueFd fd) { accepted(at, std::move(fd)); });
  if (!listener) return listener.error();
  return OpenListener{config, std::move(*listener)};
}

Result<void> Application::listen(const ListenerConfig& config) {
  Result<OpenListener> open = open_listener(config);
  if (!open) return open.error();
  log_.write(EventLog::Level::info, "listening", "",
             {{"endpoint", to_string(open->listener->endpoint())}});
  listeners_.push_back(std::move(*open));
  return {};
}

// Adapters are plugged in and pulled out.
void Application::listen_to_absent() {
  if (absent_.empty() || ++absent_ticks_ % absent_retry_ticks != 0) return;
  const size_t opened =
      std::erase_if(absent_, [&](const ListenerConfig& config) { return listen(config).ok(); });
  if (opened != 0) announce();
}

void Application::accepted(const std::string& endpoint, UniqueFd fd) {
  for (const OpenListener& open : listeners_) {
    if (open.config.endpoint != endpoint) continue;
    SessionTraits traits;
    traits.peer = describe_peer(fd.get());
    traits.listener = endpoint;
    traits.admin = may_command(open.config, fd.get());
    traits.client_publish = open.config.client_publish;
    traits.adapter = local_adapter(fd.get());
    traits.classic = !traits.adapter.empty() && !traits.peer.starts_with("le ");
    turn_away_or_adopt(std::move(fd), std::move(traits));
    return;
  }
}

BrokerCounters Application::counters() const {
  BrokerCounters counters{out_of_descriptors_gone_, log_.lost()};
  for (const OpenListener& open : listeners_) {
    counters.out_of_descriptors += open.listener->out_of_descriptors();
  }
  return counters;
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
  return Commands(*this).run(verb, arguments);
}

void Application::session_opened(const Session& session) {
  log_.write(EventLog::Level::info, "session_opened", "",
             {{"session", std::to_string(session.id())},
              {"name", session.name()},
              {"agent", session.agent()},
              {"peer", session.traits().peer}});
}

// Anybody who can connect can make sessions that say nothing: those are told of at the first,
// second, fourth, eighth time and so on.
void Application::session_ended(const Session& session, wire::Reason reason,
                                std::string_view text) {
  note_loose_link(session.traits());
  if (!session.said_hello()) {
    const uint64_t count = ++ended_without_hello_[reason];
    if (!std::has_single_bit(count)) return;
    log_.write(EventLog::Level::warning, "session_ended", text,
               {{"session", std::to_string(session.id())},
                {"reason", std::string(wire::name_of(reason))},
                {"so_far", std::to_string(count)},
                {"peer", session.traits().peer}});
    return;
  }
  const bool expected = reason == wire::Reason::normal || reason == wire::Reason::let_go;
  log_.write(expected ? EventLog::Level::info : EventLog::Level::warning, "session_ended", text,
             {{"session", std::to_string(session.id())},
              {"reason", std::string(wire::name_of(reason))},
              {"name", session.name()},
              {"peer", session.traits().peer}});
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

// Parse, validate, compare; open what is new, which may fail; only then let go of what is old.
std::unique_ptr<ConfigChanges> Application::reload(std::vector<ConfigFault>& faults) {
  if (stopping_) {
    faults.push_back({config_->file, 0, 0, "the broker is stopping"});
    return nullptr;
  }
  std::unique_ptr<Config> fresh =
      read_config(config_->file, program_directory_, faults, config_->plugin_files);
  auto changes = std::make_unique<ConfigChanges>();
  std::vector<OpenListener> added;
  std::vector<ListenerConfig> absent;
  if (fresh != nullptr) {
    *changes = compare(*config_, *fresh);
    for (const ListenerConfig& config : changes->listeners_added) {
      const auto same = [&](const ListenerConfig& other) {
        return other.endpoint == config.endpoint;
      };
      const bool known = std::any_of(listeners_.begin(), listeners_.end(),
                                     [&](const OpenListener& open) { return same(open.config); }) ||
                         std::any_of(absent_.begin(), absent_.end(), same);
      if (known) continue;
      Result<OpenListener> open = open_listener(config);
      if (open) {
        added.push_back(std::move(*open));
      } else if (may_appear(config.endpoint, open.error())) {
        absent.push_back(config);
      } else {
        faults.push_back({config_->file, 0, 0, open.error().text});
      }
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
  for (OpenListener& open : added) listeners_.push_back(std::move(open));
  absent_.insert(absent_.end(), absent.begin(), absent.end());
  apply(*changes);
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
  rules_ = TopicRules(config_->topics);
  const std::vector<std::string> kept =
      router_.refresh_options([this](std::string_view name) { return rules_.options_of(name); });
  for (size_t i = 0; i < std::min(kept.size(), kept_topics_told_max); ++i) {
    changes.needs_restart.push_back("topic " + kept[i] + ": is there already, and keeps its kind");
  }
  if (kept.size() > kept_topics_told_max) {
    changes.needs_restart.push_back(std::to_string(kept.size() - kept_topics_told_max) +
                                    " more topics keep their kind");
  }

  for (const ListenerConfig& gone : changes.listeners_removed) {
    const auto same = [&](const auto& other) { return other.endpoint == gone.endpoint; };
    if (std::any_of(config_->listen.begin(), config_->listen.end(), same)) continue;
    std::erase_if(listeners_, [&](const OpenListener& open) {
      if (!same(open.config)) return false;
      out_of_descriptors_gone_ += open.listener->out_of_descriptors();
      return true;
    });
    std::erase_if(absent_, same);
    sessions_.close_listener(gone.endpoint);
  }
  for (ListenerConfig& absent : absent_) {
    for (const ListenerConfig& config : config_->listen) {
      if (config.endpoint == absent.endpoint) absent = config;
    }
  }
  if (!changes.listeners_added.empty() || !changes.listeners_removed.empty()) announce();
  for (OpenListener& open : listeners_) {
    for (const ListenerConfig& config : config_->listen) {
      if (config.endpoint != open.config.endpoint) continue;
      open.config = config;
      sessions_.allow_publishing(config.endpoint, config.client_publish);
    }
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
