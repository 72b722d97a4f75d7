// Running one of the programs from a test: its output in files, its end waited for with a deadline,
// a small broker at the other end.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "sdk/base/clock.h"
#include "tests/sdk/client/small_broker.h"
#include "tests/support/patience.h"

namespace btb::cli {

// For -W of a program that is served before: long enough on any machine, and waited for. 20 s.
inline const std::string long_wait = std::to_string(test::patience_ms / 15'000);

inline std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Waits until `done`, a few milliseconds at a time.
inline void wait_until(const std::function<bool()>& done) {
  const SystemClock clock;
  const uint64_t deadline = clock.mono_ms() + test::patience_ms;
  while (!done()) {
    REQUIRE(clock.mono_ms() < deadline);
    usleep(2'000);
  }
}

class Process {
 public:
  // `program` of <build>/bin with `arguments`; `input` is given to it as its standard input,
  // `variables` are added to an environment that has nothing of ours. Output goes to files in a
  // directory that goes with this object, or, if `output_fd` is given, there. `input_fd` is given
  // instead of `input`, if there is one; so is `error_fd` for standard error.
  Process(const std::string& program, std::vector<std::string> arguments,
          const std::string& input = {}, std::vector<std::string> variables = {},
          int output_fd = -1, int input_fd = -1, int error_fd = -1) {
    std::string pattern = std::filesystem::temp_directory_path() / "btb_cli_XXXXXX";
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    std::ofstream(directory_ + "/in") << input;
    arguments.insert(arguments.begin(), std::string(BTB_BIN_DIR) + "/" + program);
    variables.insert(variables.end(),
                     {"TZ=UTC", "HOME=" + directory_, "PATH=/usr/bin:/bin",
                      "BTB_CONNECT_TIMEOUT=" + std::to_string(test::patience_ms / 1000)});
    const auto pointers = [](std::vector<std::string>& texts) {
      std::vector<char*> out;
      for (std::string& text : texts) out.push_back(text.data());
      out.push_back(nullptr);
      return out;
    };
    const auto argv = pointers(arguments);
    const auto envp = pointers(variables);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      const auto onto = [](int fd, const std::string& path, int flags) {
        ::dup2(::open(path.c_str(), flags, 0600), fd);
      };
      if (input_fd < 0) {
        onto(0, directory_ + "/in", O_RDONLY);
      } else {
        ::dup2(input_fd, 0);
      }
      if (output_fd < 0) {
        onto(1, directory_ + "/out", O_WRONLY | O_CREAT);
      } else {
        ::dup2(output_fd, 1);
      }
      if (error_fd < 0) {
        onto(2, directory_ + "/err", O_WRONLY | O_CREAT);
      } else {
        ::dup2(error_fd, 2);
      }
      ::execve(argv[0], argv.data(), envp.data());
      ::_exit(127);
    }
  }
  ~Process() {
    if (!ended_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    std::filesystem::remove_all(directory_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Its exit code, or 1000 and the number of the signal that ended it.
  int wait() {
    int status = 0;
    wait_until([&] { return ended_ = ::waitpid(pid_, &status, WNOHANG) == pid_; });
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  void signal(int number) const { ::kill(pid_, number); }
  [[nodiscard]] std::string out() const { return contents(directory_ + "/out"); }
  [[nodiscard]] std::string err() const { return contents(directory_ + "/err"); }

 private:
  std::string directory_;
  pid_t pid_ = -1;
  bool ended_ = false;
};

// A broker's side of a conversation with a program.
class Served : public client::SmallBroker {
 public:
  [[nodiscard]] std::string address() const { return to_string(endpoint); }
  void greet(bool admin = false, uint64_t epoch = 7, uint32_t message_bytes_max = 0) {
    wait_until([&] { return accept(); });
    (void)await<fb::HelloT>();
    fb::WelcomeT welcome;
    welcome.broker_name = "test";
    welcome.epoch = epoch;
    welcome.keep_alive_ms = 60'000;
    welcome.admin = admin;
    welcome.message_bytes_max =
        message_bytes_max == 0 ? limits::message_bytes_max : message_bytes_max;
    say(welcome);
  }
  template <class Native>
  Native await() {
    std::unique_ptr<Native> message;
    wait_until([&] { return (message = hear<Native>()) != nullptr; });
    return std::move(*message);
  }
  std::string await_data() {
    std::string text;
    wait_until([&] { return !(text = hear_data()).empty(); });
    return text;
  }
  // Answers the next subscribe.
  fb::SubscribeT subscribed(uint32_t topics, const std::string& hint = {}) {
    auto asked = await<fb::SubscribeT>();
    fb::SubscribedT answer;
    answer.id = asked.id;
    answer.topics = topics;
    answer.text = hint;
    say(answer);
    return asked;
  }
  void topic(uint32_t number, const std::string& name, wire::TopicKind kind, uint64_t last_seq = 0,
             uint64_t position = 0) {
    fb::TopicT message;
    message.number = number;
    message.name = name;
    message.kind = kind;
    message.first_seq = 1;
    message.last_seq = last_seq;
    message.position = position;
    say(message);
  }
  void data(uint32_t number, uint64_t seq, std::string_view key, std::string_view payload,
            uint8_t flags = 0) {
    wire::DataHead head;
    head.topic = number;
    head.seq = seq;
    head.flags = flags;
    head.time_us = 1'000'000;
    ByteVector bytes;
    wire::append_message(bytes, head, as_bytes(key), as_bytes(payload));
    send(bytes);
  }
  void snapshot_begin(uint32_t number) {
    fb::SnapshotBeginT message;
    message.topic = number;
    say(message);
  }
  void snapshot_end(uint32_t number, uint64_t seq) {
    fb::SnapshotEndT message;
    message.topic = number;
    message.seq = seq;
    say(message);
  }
  void goodbye(wire::Reason reason, const std::string& text) {
    fb::GoodbyeT message;
    message.reason = reason;
    message.text = text;
    say(message);
  }
};

}  // namespace btb::cli
