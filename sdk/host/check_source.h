// CheckSource: one source of a plugin on a thread of its own, for a plugin check: create, run,
// destroy, with what each of them came to.
//
// Resource. It shares the library, the settings and the host with its thread. If the source hangs,
// its thread is given up and whoever drives the trial ends the process. Driven from one thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "sdk/host/check_host.h"
#include "sdk/host/library.h"
#include "sdk/host/settings.h"
#include "sdk/plugin/abi.h"

namespace btb::host {

class CheckSource {
 public:
  enum class Step : uint8_t { creating, running, destroying, done };

  // Begins: the thread creates the source, runs it from `token`, destroys it.
  CheckSource(std::shared_ptr<const PluginLibrary> library,
              std::shared_ptr<const Settings> settings, std::shared_ptr<CheckHost> host,
              std::string token = {});
  CheckSource(const CheckSource&) = delete;
  CheckSource& operator=(const CheckSource&) = delete;
  ~CheckSource();

  // Waits until it has come as far as `step`; false after `timeout_ms`.
  bool reached(Step step, uint32_t timeout_ms) const;
  // Calls the source's interrupt, if there is a source to interrupt.
  void interrupt();
  // Stops it and waits for its end, at most `timeout_ms` for each step. Empty if it ended, and as
  // the ABI wants it; else what went wrong. `hung` says whether it did not end at all.
  std::string end(uint32_t timeout_ms, bool& hung);

  // After end: create gave a source.
  [[nodiscard]] bool created() const;
  [[nodiscard]] btb_status run_status() const;

 private:
  struct Shared;
  static void live(const std::shared_ptr<Shared>& shared);
  [[nodiscard]] std::string conduct() const;

  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace btb::host
