// TrialSource: runs one source of a plugin on a thread of its own, for a plugin check: create, run,
// destroy. It keeps the result of each.
//
// Resource. It shares the library, the settings and the host with its thread. If the source hangs,
// the destructor leaves its thread alone, and the trial must end the process. Called from one
// thread; interrupt() from [any] thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "sdk/host/library.h"
#include "sdk/host/settings.h"
#include "sdk/plugin/abi.h"
#include "sdk/plugin_check/trial_host.h"

namespace btb::host {

class TrialSource {
 public:
  enum class Step : uint8_t { creating, running, destroying, done };

  // Starts the thread. It creates the source, runs it from the resume token `token`, and destroys
  // it.
  TrialSource(std::shared_ptr<const PluginLibrary> library,
              std::shared_ptr<const Settings> settings, std::shared_ptr<TrialHost> host,
              std::string token = {});
  TrialSource(const TrialSource&) = delete;
  TrialSource& operator=(const TrialSource&) = delete;
  ~TrialSource();

  // Blocks until the thread is at `step` or later. False if it is not after `timeout_ms`.
  bool reached(Step step, uint32_t timeout_ms) const;
  // Calls the source's interrupt, if it has one and is running.
  void interrupt();
  // Stops the source and blocks until it has ended, at most `timeout_ms` for each step. Returns
  // what went wrong, or "" if it ended as the ABI demands. Sets `hung` if it did not end; otherwise
  // leaves `hung` as it is.
  std::string end(uint32_t timeout_ms, bool& hung);

  // After end: whether create returned a usable source.
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
