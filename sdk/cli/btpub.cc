// btpub: publishes messages to one topic.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstring>

#include "sdk/base/standard_streams.h"
#include "sdk/cli/event_loop.h"
#include "sdk/cli/in_reach.h"
#include "sdk/cli/program.h"
#include "sdk/wire/topic_name.h"
#include "sdk/wire/words.h"

namespace {

using namespace btb;
using namespace btb::cli;

struct Arguments {
  std::string topic;
  std::string message;
  std::string file;
  bool lines = false;
  std::string key;
  std::string key_separator;
  bool deletion = false;
  std::string ack = "memory";
};

Words words() {
  return {"btpub",
          "Publish messages to a topic",
          "btpub publishes one message to TOPIC: a text (-m), the bytes of a file (-f), or a "
          "deletion (--delete); or each "
          "line of its input as a message of its own (-l); with -K a line without a key is left "
          "out, named with its number, and makes the end 1.\n\n"
          "A row of a state topic has a key (-k); publishing it again replaces it, deleting it "
          "removes it.\n\n"
          "With --ack memory, which is the default, btpub ends when the broker has confirmed that "
          "everything is in its log; "
          "with none it ends when everything is sent, and a message that the broker does not take "
          "is not noticed. If the "
          "connection is lost with messages not confirmed, it ends with 1 and says how many: they "
          "may have been taken "
          "or not.",
          {{"btpub notes -m 'hello'", "One event"},
           {"btpub ward/3/beds -k 12 -m '{\"free\":true}'", "Put one row of a state topic"},
           {"btpub ward/3/beds -k 12 --delete", "And remove it"},
           {"tail -f app.log | btpub -l log/app", "Each line an event"},
           {"btpub -l -K = settings < settings.txt", "Lines of key=value as rows"}},
          {"btsub", "btctl", "btbroker"},
          "the text is given with -m"};
}

// Publishes what it is given and counts what is settled. The main thread.
class Publisher final : public client::Handler {
 public:
  Publisher(const Program& program, bool waits_for_acks)
      : program_(program), waits_(waits_for_acks) {}

  void attach(client::Client& client, uint32_t id) {
    client_ = &client;
    id_ = id;
  }
  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] std::optional<Exit> failed() const { return failed_; }
  // What it ends with when everything is settled.
  [[nodiscard]] Exit outcome() const {
    return rejects_ != 0 ? Exit::refused : skipped_ ? Exit::error : Exit::ok;
  }
  [[nodiscard]] bool settled() const {
    return waits_ ? settled_ >= published_ : client_->conversation().output().empty();
  }

  // False if it has to wait, until open() or until what was published before is sent.
  bool publish(const client::Publication& publication) {
    const auto seq = client_->publish(id_, publication);
    if (seq) {
      published_ = *seq;
      return true;
    }
    if (publication.payload.size() > client_->conversation().session().message_bytes_max ||
        publication.key.size() > limits::key_bytes_max) {
      program_.error(seq.error().text);
      failed_ = Exit::refused;
    }
    return false;
  }
  // A line of the input that has no key is left out.
  void skip(uint64_t line_number, const std::string& separator) {
    program_.error("line " + std::to_string(line_number) + ": no key before a \"" + separator +
                   "\"; skipped");
    skipped_ = true;
  }

 private:
  void on_connected(const client::Session& session) override {
    program_.detail("connected to " + session.broker_name);
  }
  void on_opened(uint32_t, wire::TopicKind) override {
    open_ = true;
    published_ = settled_ = 0;
  }
  void on_open_refused(uint32_t, wire::Reason reason, std::string_view text) override {
    refuse("the broker refused the topic", reason, text);
    failed_ = Exit::refused;
  }
  void on_ack(uint32_t, uint64_t published, uint64_t) override {
    settled_ = std::max(settled_, published);
  }
  void on_reject(uint32_t, uint64_t published, wire::Reason reason,
                 std::string_view text) override {
    settled_ = std::max(settled_, published);
    ++rejects_;
    refuse("message " + std::to_string(published) + " was rejected", reason, text);
  }
  void on_unsettled(uint32_t, uint64_t first, uint64_t last) override {
    program_.error("the connection was lost before " + std::to_string(last - first + 1) +
                   " messages were confirmed");
    failed_ = Exit::error;
  }
  void on_disconnected(const client::Ending& ending, int64_t retry_ms) override {
    open_ = false;
    if (failed_ || (ending.reason == wire::Reason::normal && !ending.by_broker)) return;
    if (retry_ms >= 0) {
      return program_.note(ending_text(ending, false) +
                           (retry_ms == 0 ? "; there is another way" : "; connecting again"));
    }
    program_.error(ending_text(ending, true));
    failed_ = exit_of(ending);
  }
  void refuse(const std::string& what, wire::Reason reason, std::string_view text) const {
    program_.error(what + ": " + std::string(wire::name_of(reason)) +
                   (text.empty() ? "" : " (" + std::string(text) + ")") +
                   (reason == wire::Reason::delete_unsupported
                        ? "; an events topic has no rows to delete"
                        : ""));
  }

  const Program& program_;
  client::Client* client_ = nullptr;
  uint32_t id_ = 0;
  bool waits_;
  bool open_ = false;
  uint64_t published_ = 0;
  uint64_t settled_ = 0;
  uint64_t rejects_ = 0;
  bool skipped_ = false;
  std::optional<Exit> failed_;
};

// Bytes of standard input on their way to become messages.
class Input {
 public:
  // Reads what is there. False at the end.
  bool read_some() {
    std::array<char, 65536> chunk{};
    const ssize_t count = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (count > 0) pending_.append(chunk.data(), static_cast<size_t>(count));
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) ended_ = true;
    return !ended_;
  }
  // The next line without its end, if one is complete; the last one needs no end.
  [[nodiscard]] std::optional<std::string_view> line() const {
    const std::string_view rest = std::string_view(pending_).substr(taken_);
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos && (!ended_ || rest.empty())) return std::nullopt;
    std::string_view text = rest.substr(0, end);
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text;
  }
  void take_line() {
    ++line_number_;
    const size_t end = pending_.find('\n', taken_);
    taken_ = end == std::string::npos ? pending_.size() : end + 1;
    if (taken_ == pending_.size() || taken_ > 1U << 20) {
      pending_.erase(0, taken_);
      taken_ = 0;
    }
  }
  // Of line(), from 1.
  [[nodiscard]] uint64_t line_number() const { return line_number_; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] size_t size() const { return pending_.size() - taken_; }

 private:
  std::string pending_;
  size_t taken_ = 0;
  uint64_t line_number_ = 1;
  bool ended_ = false;
};

Result<std::string> read_file(const std::string& path) {
  const UniqueFd owned(path == "-" ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const int fd = path == "-" ? STDIN_FILENO : owned.get();
  if (fd < 0) return Error{Errc::io, path + ": " + std::strerror(errno)};
  std::string content;
  std::array<char, 65536> chunk{};
  for (;;) {
    const ssize_t count = ::read(fd, chunk.data(), chunk.size());
    if (count == 0) return content;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error{Errc::io, path + ": " + std::strerror(errno)};
    content.append(chunk.data(), static_cast<size_t>(count));
    if (content.size() > limits::message_bytes_max) {
      return Error{Errc::limit, path + ": more than a message may have"};
    }
  }
}

// What is wrong with the arguments; empty if nothing.
std::string fault_of(const Arguments& a, bool has_message) {
  if (a.topic.empty()) return "the topic is empty";
  if (const char* fault = wire::topic_name_fault(a.topic)) {
    return "topic \"" + a.topic + "\": " + fault;
  }
  const int sources =
      (has_message ? 1 : 0) + (a.file.empty() ? 0 : 1) + (a.lines ? 1 : 0) + (a.deletion ? 1 : 0);
  if (sources == 0) return "what is to be published? One of -m, -f, -l or --delete is needed";
  if (sources > 1) return "-m, -f, -l and --delete exclude each other";
  if (!a.key_separator.empty() && !a.lines) return "--key-separator needs -l";
  if (!a.key_separator.empty() && !a.key.empty()) return "-k and -K exclude each other";
  return {};
}

// What a line says; nothing if -K asks for a key and the line has none.
std::optional<client::Publication> line_publication(const Arguments& a, std::string_view line) {
  client::Publication publication;
  publication.key = as_bytes(a.key);
  publication.payload = as_bytes(line);
  if (a.key_separator.empty()) return publication;
  const size_t at = line.find(a.key_separator);
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  publication.key = as_bytes(line.substr(0, at));
  publication.payload = as_bytes(line.substr(at + a.key_separator.size()));
  return publication;
}

// Publishes lines until one has to wait; true if there is none left and none will come.
bool publish_lines(const Arguments& a, Publisher& publisher, Input& input) {
  while (const auto line = input.line()) {
    if (!publisher.open()) return false;
    const auto publication = line_publication(a, *line);
    if (!publication) {
      publisher.skip(input.line_number(), a.key_separator);
    } else if (!publisher.publish(*publication)) {
      return false;
    }
    input.take_line();
  }
  return input.ended();
}

int run(client::Client& client, Publisher& publisher, const Arguments& a,
        const std::string& content, EventLoop& loop) {
  Input input;
  bool all_published = false;
  client.start();
  for (;;) {
    if (publisher.failed()) return static_cast<int>(*publisher.failed());
    if (!all_published && a.lines) {
      all_published = publish_lines(a, publisher, input);
    } else if (!all_published && publisher.open()) {
      client::Publication publication;
      publication.key = as_bytes(a.key);
      publication.payload = as_bytes(content);
      publication.deletion = a.deletion;
      all_published = publisher.publish(publication);
    }
    if (publisher.failed()) return static_cast<int>(*publisher.failed());
    if (all_published && publisher.settled()) {
      return static_cast<int>(publisher.outcome());
    }
    // Input is read only as fast as it goes out: a line that waits keeps the rest in the pipe.
    const bool wants_input = a.lines && !input.ended() &&
                             input.size() <= limits::message_bytes_max && publisher.open() &&
                             !input.line();
    const auto wake = loop.turn(client, -1, wants_input);
    if (wake.signal != 0) return 128 + wake.signal;
    if (wake.input) input.read_some();
    if (input.size() > limits::message_bytes_max && !input.line())
      return static_cast<int>(Exit::refused);
  }
}

}  // namespace

int main(int argc, char** argv) {
  take_standard_streams();
  Program program(words());
  Arguments a;
  CLI::App& app = program.app();
  app.add_option("TOPIC,-t,--topic", a.topic, "Where to publish")->required()->type_name("TOPIC");
  program.add_broker_options();
  CLI::Option* message =
      app.add_option("-m,--message", a.message, "The message, as text")->type_name("TEXT");
  app.add_option("-f,--file", a.file, "A file whose bytes are the message; - is the input")
      ->type_name("FILE");
  app.add_flag("-l,--lines", a.lines, "Each line of the input is a message");
  app.add_option("-k,--key", a.key, "The key: which row of a state topic")->type_name("KEY");
  app.add_option("-K,--key-separator", a.key_separator,
                 "With -l: the key is what stands before this in a line")
      ->type_name("TEXT");
  app.add_flag("--delete", a.deletion, "Remove the row of this key");
  app.add_option("--ack", a.ack, "What to wait for: memory (it is in the broker's log) or none")
      ->check(CLI::IsMember({"memory", "none"}))
      ->type_name("LEVEL")
      ->capture_default_str();
  program.finish();
  if (const auto exit = program.parse(argc, argv)) return static_cast<int>(*exit);
  const std::string fault = fault_of(a, message->count() != 0);
  if (!fault.empty()) return static_cast<int>(program.usage(fault));
  std::string content = a.message;
  if (!a.file.empty()) {
    auto read = read_file(a.file);
    if (!read) {
      program.error(read.error().text);
      return static_cast<int>(Exit::error);
    }
    content = std::move(*read);
  }
  auto options = program.client_options();
  if (!options) {
    if (options.error().code == Errc::invalid)
      return static_cast<int>(program.usage(options.error().text));
    program.error(options.error().text);
    return static_cast<int>(Exit::unreachable);
  }
  const bool acks = a.ack == "memory";
  const SystemClock clock;
  Publisher publisher(program, acks);
  client::Client client(std::move(*options), publisher, clock);
  publisher.attach(client,
                   *client.open(a.topic, acks ? wire::AckLevel::memory : wire::AckLevel::none));
  EventLoop loop;
  const int exit = run(client, publisher, a, content, loop);
  client.close();
  while (client.run_once(50)) {
  }
  if (publisher.failed()) {
    if (const int signal = tell_who_is_in_reach(program, client, loop)) return 128 + signal;
  }
  return exit;
}
