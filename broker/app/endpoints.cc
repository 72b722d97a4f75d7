// Parts: which errors may pass with time; opening; the start; the two steps of a reload; trying
// again, with the look-up of names; unix sockets whose file is gone.
#include "broker/app/endpoints.h"

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

namespace btb {

namespace {

constexpr uint64_t retry_after_ms = 3'000;
// A kernel without Bluetooth looks for the module at each attempt.
constexpr uint64_t no_kernel_retry_after_ms = 30'000;

bool is_bluetooth(const std::string& text) {
  const Result<Endpoint> endpoint = parse_endpoint(text);
  return endpoint && is_bluetooth(*endpoint);
}

bool has_name(const std::string& text) {
  const Result<Endpoint> endpoint = parse_endpoint(text);
  return endpoint && needs_look_up(*endpoint);
}

// True if the endpoint may be opened later without a change of the configuration, because something
// outside is missing now: an adapter, Bluetooth in the kernel, an address or the name service of
// the network, a folder that is made or mounted later. An endpoint that is in use or forbidden
// needs a decision of a person.
bool may_come(const std::string& text, const Error& error) {
  const bool missing = error.code == Errc::not_found || error.code == Errc::unavailable;
  return missing || (error.code == Errc::unsupported && is_bluetooth(text));
}

uint64_t retry_after(const Error& error) {
  return error.code == Errc::unsupported ? no_kernel_retry_after_ms : retry_after_ms;
}

auto is_at(const std::string& endpoint) {
  return [&endpoint](const auto& other) { return other.config.endpoint == endpoint; };
}

const ListenerConfig* find(const std::vector<ListenerConfig>& all, const std::string& endpoint) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const ListenerConfig& config) {
    return config.endpoint == endpoint;
  });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

Result<Endpoints::Open> Endpoints::try_open(const ListenerConfig& config,
                                            std::vector<std::string> addresses) {
  Result<Endpoint> endpoint = parse_endpoint(config.endpoint);
  if (!endpoint) return endpoint.error();
  ListenOptions options;
  options.mode = config.mode;
  options.addresses = std::move(addresses);
  Result<std::unique_ptr<Listener>> listener = opener_(
      loop_, *endpoint, options, [this, at = config.endpoint](std::unique_ptr<Stream> stream) {
        const auto open = std::find_if(open_.begin(), open_.end(), is_at(at));
        if (open != open_.end()) events_.connected(open->config, std::move(stream));
      });
  if (!listener) return listener.error();
  return Open{config, std::move(*listener)};
}

void Endpoints::add(Open open) {
  events_.endpoint_event(true, "listening", to_string(open.listener->endpoint()), "");
  open_.push_back(std::move(open));
}

void Endpoints::wait_for(const ListenerConfig& config, const Error& why) {
  waiting_.push_back({config, why.text, clock_.mono_ms() + retry_after(why)});
  events_.endpoint_event(false, "not_listening", config.endpoint,
                         why.text + "; it is tried again until it can be opened");
}

Result<void> Endpoints::start(const std::vector<ListenerConfig>& all) {
  std::vector<std::pair<const ListenerConfig*, Error>> absent;
  for (const ListenerConfig& config : all) {
    Result<Open> open = try_open(config);
    if (open) {
      add(std::move(*open));
    } else if (may_come(config.endpoint, open.error())) {
      absent.emplace_back(&config, open.error());
    } else {
      return open.error();
    }
  }
  for (const auto& [config, why] : absent) {
    if (open_.empty() && !is_bluetooth(config->endpoint)) return why;
    wait_for(*config, why);
  }
  return {};
}

Endpoints::Fresh Endpoints::prepare(const std::vector<ListenerConfig>& added,
                                    std::vector<std::string>& faults) {
  Fresh fresh;
  for (const ListenerConfig& config : added) {
    if (is_known(config.endpoint)) continue;
    if (has_name(config.endpoint)) {
      fresh.waiting.push_back({config, "the name of its host is looked up", clock_.mono_ms()});
      continue;
    }
    Result<Open> open = try_open(config);
    if (open) {
      fresh.open.push_back(std::move(*open));
    } else if (may_come(config.endpoint, open.error())) {
      fresh.waiting.push_back(
          {config, open.error().text, clock_.mono_ms() + retry_after(open.error())});
    } else {
      faults.push_back(open.error().text);
    }
  }
  return fresh;
}

void Endpoints::take(Fresh fresh, const std::vector<ListenerConfig>& all) {
  std::erase_if(open_, [&](const Open& open) {
    if (find(all, open.config.endpoint) != nullptr) return false;
    close(open);
    return true;
  });
  std::erase_if(waiting_,
                [&](const Waiting& one) { return find(all, one.config.endpoint) == nullptr; });
  for (Open& open : fresh.open) add(std::move(open));
  for (const Waiting& one : fresh.waiting) {
    wait_for(one.config, {Errc::not_found, one.why});
    waiting_.back().retry_ms = one.retry_ms;
  }
  for (Open& open : open_) open.config = *find(all, open.config.endpoint);
  for (Waiting& one : waiting_) one.config = *find(all, one.config.endpoint);
}

std::shared_ptr<Endpoints::NameAsked> Endpoints::ask_for_name(const std::string& endpoint) const {
  auto asked = std::make_shared<NameAsked>();
  try {
    std::thread([asked, look_up = look_up_, host = *parse_endpoint(endpoint)] {
      asked->addresses = look_up(host);
      asked->done = true;
    }).detach();
  } catch (const std::system_error&) {
    return nullptr;  // no thread can be made now; the next tick tries again
  }
  return asked;
}

std::optional<Result<Endpoints::Open>> Endpoints::try_again(Waiting& one) {
  if (!has_name(one.config.endpoint)) return try_open(one.config);
  if (one.name_asked == nullptr) one.name_asked = ask_for_name(one.config.endpoint);
  if (one.name_asked == nullptr || !one.name_asked->done) return std::nullopt;
  const std::shared_ptr<NameAsked> asked = std::exchange(one.name_asked, nullptr);
  if (!*asked->addresses) return Result<Open>(asked->addresses->error());
  return try_open(one.config, **asked->addresses);
}

bool Endpoints::tick() {
  bool changed = look_at_files();
  std::erase_if(waiting_, [&](Waiting& one) {
    if (clock_.mono_ms() < one.retry_ms) return false;
    std::optional<Result<Open>> open = try_again(one);
    if (!open) return false;
    if (*open) {
      add(std::move(**open));
      changed = true;
      return true;
    }
    const Error& why = open->error();
    one.retry_ms = clock_.mono_ms() + retry_after(why);  // the attempt may have taken a while
    if (one.why != why.text) {
      one.why = why.text;
      events_.endpoint_event(false, "not_listening", one.config.endpoint, one.why);
    }
    return false;
  });
  return changed;
}

// A file is gone if somebody cleaned up, or if another broker took the path. Sessions go on, but
// new clients could not connect.
bool Endpoints::look_at_files() {
  std::vector<ListenerConfig> lost;
  std::erase_if(open_, [&](const Open& open) {
    if (open.listener->can_be_found()) return false;
    events_.endpoint_event(false, "socket_file_gone", open.config.endpoint,
                           "the file of this socket was removed or replaced; it is made again");
    lost.push_back(open.config);
    close(open);
    return true;
  });
  for (const ListenerConfig& config : lost) {
    Result<Open> open = try_open(config);
    if (open) {
      add(std::move(*open));
    } else {
      wait_for(config, open.error());
    }
  }
  return !lost.empty();
}

void Endpoints::close_all() {
  open_.clear();
  waiting_.clear();
}

uint64_t Endpoints::out_of_descriptors() const {
  uint64_t count = out_of_descriptors_gone_;
  for (const Open& open : open_) count += open.listener->out_of_descriptors();
  return count;
}

bool Endpoints::is_known(const std::string& endpoint) const {
  return std::any_of(open_.begin(), open_.end(), is_at(endpoint)) ||
         std::any_of(waiting_.begin(), waiting_.end(), is_at(endpoint));
}

}  // namespace btb
