// TrialSource: the state it shares with its thread, the thread (live), then the calls of the trial.
#include "sdk/plugin_check/trial_source.h"

#include <chrono>
#include <span>
#include <utility>

#include "sdk/host/border.h"
#include "sdk/host/declarations.h"

namespace btb::host {
namespace {

const char* name_of(TrialSource::Step step) {
  switch (step) {
    case TrialSource::Step::creating:
      return "create";
    case TrialSource::Step::running:
      return "run";
    case TrialSource::Step::destroying:
      return "destroy";
    case TrialSource::Step::done:
      return "end";
  }
  return "";
}

}  // namespace

struct TrialSource::Shared {
  std::shared_ptr<const PluginLibrary> library;
  std::shared_ptr<const Settings> settings;
  std::shared_ptr<TrialHost> host;
  std::string token;

  mutable std::mutex mutex;
  std::condition_variable stepped;
  Step step = Step::creating;
  // Held while interrupt runs, and while `source` is set to null before destroy.
  std::mutex interrupt_mutex;
  const btb_source* source = nullptr;
  bool created = false;
  btb_status status = BTB_OK;
  std::string escaped;  // the text about an exception that left the plugin
  std::string malformed;

  void enter(Step next) {
    const std::lock_guard lock(mutex);
    step = next;
    stepped.notify_all();
  }

  // Calls into the plugin. If an exception comes out, its text is kept in `escaped`.
  template <class Body>
  void guarded(const char* function, Body body) {
    const std::string text = escaped_from(function, body);
    const std::lock_guard lock(mutex);
    if (!text.empty()) escaped = text;
  }
};

TrialSource::TrialSource(std::shared_ptr<const PluginLibrary> library,
                         std::shared_ptr<const Settings> settings, std::shared_ptr<TrialHost> host,
                         std::string token)
    : shared_(std::make_shared<Shared>()) {
  shared_->library = std::move(library);
  shared_->settings = std::move(settings);
  shared_->host = std::move(host);
  shared_->token = std::move(token);
  thread_ = std::thread([shared = shared_] { live(shared); });
}

TrialSource::~TrialSource() {
  if (reached(Step::done, 0)) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

void TrialSource::live(const std::shared_ptr<Shared>& shared_pointer) {
  Shared& shared = *shared_pointer;
  shared.host->adopt_thread();
  const btb_source* source = nullptr;
  shared.guarded("create", [&] {
    const std::span<const btb_setting> settings = shared.settings->view();
    source = shared.library->plugin().create(shared.host->face(), settings.data(), settings.size());
  });
  if (source != nullptr) {
    const std::lock_guard lock(shared.mutex);
    shared.malformed = source_fault(*source);
  }
  if (source == nullptr || !shared.malformed.empty()) return shared.enter(Step::done);

  const btb_source face = *source;
  if (face.get_extension != nullptr) {
    shared.guarded("get_extension", [&] {
      shared.host->set_pause_extension(
          static_cast<const btb_source_pause*>(face.get_extension(face.self, BTB_EXTENSION_PAUSE)),
          face.self);
    });
  }
  {
    const std::scoped_lock lock(shared.interrupt_mutex, shared.mutex);
    shared.source = source;
    shared.created = true;
  }
  shared.enter(Step::running);
  shared.guarded("run", [&] {
    const auto* token = reinterpret_cast<const uint8_t*>(shared.token.data());
    const btb_status status = face.run(face.self, {token, shared.token.size()});
    const std::lock_guard lock(shared.mutex);
    shared.status = status;
  });
  {
    const std::scoped_lock lock(shared.interrupt_mutex, shared.mutex);
    shared.source = nullptr;
  }
  shared.enter(Step::destroying);
  shared.guarded("destroy", [&] { face.destroy(face.self); });
  shared.enter(Step::done);
}

bool TrialSource::reached(Step step, uint32_t timeout_ms) const {
  std::unique_lock lock(shared_->mutex);
  return shared_->stepped.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                                   [&] { return shared_->step >= step; });
}

void TrialSource::interrupt() {
  const std::lock_guard lock(shared_->interrupt_mutex);
  const btb_source* source = shared_->source;
  if (source == nullptr || source->interrupt == nullptr) return;
  shared_->guarded("interrupt", [&] { source->interrupt(source->self); });
}

std::string TrialSource::end(uint32_t timeout_ms, bool& hung) {
  for (const Step step : {Step::running, Step::destroying, Step::done}) {
    shared_->host->stop();
    interrupt();
    if (reached(step, timeout_ms)) continue;
    hung = true;
    const std::lock_guard lock(shared_->mutex);
    const char* asked = shared_->step == Step::running ? " of being asked to stop" : "";
    return std::string(name_of(shared_->step)) + " did not return within " +
           std::to_string(timeout_ms) + " ms" + asked;
  }
  return conduct();
}

std::string TrialSource::conduct() const {
  const std::lock_guard lock(shared_->mutex);
  if (!shared_->escaped.empty()) return shared_->escaped;
  if (!shared_->malformed.empty()) return shared_->malformed;
  const bool told_why = !shared_->host->record().failure.empty();
  if (!shared_->created) {
    return told_why ? "" : "create gave no source and did not say why (host->fail)";
  }
  if (shared_->status == BTB_FAILED && !told_why) {
    return "run failed and did not say why (host->fail)";
  }
  if (shared_->status != BTB_OK && shared_->status != BTB_STOPPED &&
      shared_->status != BTB_FAILED) {
    return "run returned " + std::to_string(shared_->status) +
           ", which is neither BTB_OK, BTB_STOPPED nor BTB_FAILED";
  }
  return {};
}

bool TrialSource::created() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->created;
}

btb_status TrialSource::run_status() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->status;
}

}  // namespace btb::host
