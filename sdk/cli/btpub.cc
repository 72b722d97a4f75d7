// btpub: publishes messages to one topic. Parts: the arguments, reading a file, checking arguments,
// publishing lines or one content, the loop (run), main.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>

#include "sdk/base/standard_streams.h"
#include "sdk/cli/event_loop.h"
#include "sdk/cli/in_reach.h"
#include "sdk/cli/line_input.h"
#include "sdk/cli/program.h"
#include "sdk/cli/publisher.h"
#include "sdk/cli/time_text.h"
#include "sdk/wire/topic_name.h"
#include "sdk/wire/words.h"

namespace {

using namespace btb;
using namespace btb::cli;

// No configuration allows a larger message. The limit of this broker is known only once it is
// connected.
constexpr size_t file_bytes_max = 1U << 30;

struct Arguments {
  std::string topic;
  std::string message;
  std::string file;
  bool lines = false;
  std::string key;
  std::string key_separator;
  bool deletion = false;
  std::string ack = "memory";
  std::string timeout;
};

Words words() {
  return {"btpub",
          "Publish messages to a topic",
          "btpub publishes one message to TOPIC: a text (-m), the bytes of a file (-f), or a "
          "deletion (--delete); or each "
          "line of its input as a message of its own (-l). A line that cannot be a message (longer "
          "than the broker takes, or, with -K, without a key) is left out, named with its number, "
          "and makes the end 1.\n\n"
          "A row of a state topic has a key (-k); publishing it again replaces it, deleting it "
          "removes it.\n\n"
          "With --ack memory, which is the default, btpub ends when the broker has confirmed that "
          "everything is in its log; "
          "with none it ends when everything is sent, and a message that the broker does not take "
          "is not noticed. If the "
          "connection is lost with messages not confirmed, it ends with 1 and says how many: they "
          "may have been taken "
          "or not. With -l it connects again by itself where that lost nothing. -W says how long "
          "all this may take: then it ends with 3 if not all was confirmed.",
          {{"btpub notes -m 'hello'", "One event"},
           {"btpub ward/3/beds -k 12 -m '{\"free\":true}'", "Put one row of a state topic"},
           {"btpub ward/3/beds -k 12 --delete", "And remove it"},
           {"tail -f app.log | btpub -l log/app", "Each line an event"},
           {"btpub -l -K = settings < settings.txt", "Lines of key=value as rows"}},
          {"btsub", "btctl", "btbroker"},
          "the text is given with -m"};
}

// Waits until `fd` can be read or has ended. False if the time is over first.
bool wait_for_input(int fd, std::optional<uint64_t> deadline_ms, const Clock& clock) {
  if (!deadline_ms) return true;
  for (;;) {
    const uint64_t now = clock.mono_ms();
    if (now >= *deadline_ms) return false;
    pollfd entry{fd, POLLIN, 0};
    if (::poll(&entry, 1, static_cast<int>(std::min<uint64_t>(*deadline_ms - now, INT_MAX))) > 0)
      return true;
  }
}

Result<std::string> read_file(const std::string& path, std::optional<uint64_t> deadline_ms,
                              const Clock& clock) {
  const UniqueFd owned(path == "-" ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const int fd = path == "-" ? STDIN_FILENO : owned.get();
  if (fd < 0) return Error{Errc::io, path + ": " + std::strerror(errno)};
  std::string content;
  std::array<char, 65536> chunk{};
  for (;;) {
    if (!wait_for_input(fd, deadline_ms, clock)) {
      return Error{Errc::timeout, "the time was over before all of " +
                                      (path == "-" ? "the input" : path) +
                                      " was read; nothing was published"};
    }
    const ssize_t count = ::read(fd, chunk.data(), chunk.size());
    if (count == 0) return content;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error{Errc::io, path + ": " + std::strerror(errno)};
    content.append(chunk.data(), static_cast<size_t>(count));
    if (content.size() > file_bytes_max) {
      return Error{Errc::limit, path + ": more than " + std::to_string(file_bytes_max) +
                                    " bytes, which no broker takes as a message"};
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

// The end of the time of -W (Clock::mono_ms); nothing without -W.
Result<std::optional<uint64_t>> deadline_of(const std::string& timeout, const Clock& clock) {
  if (timeout.empty()) return std::optional<uint64_t>();
  const auto wait = parse_wait_ms(timeout);
  if (!wait) return Error{Errc::invalid, "--timeout: " + wait.error().text};
  return std::optional<uint64_t>(clock.mono_ms() + *wait);
}

// The message in a line; nothing if -K asks for a key and the line has none.
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

// Publishes lines until one has to wait. True if the input has ended and no line is left.
bool publish_lines(const Arguments& a, Publisher& publisher, LineInput& input) {
  if (publisher.open()) {
    input.set_line_bytes_max(publisher.message_bytes_max() + limits::key_bytes_max +
                             a.key_separator.size());
  }
  while (const auto line = input.line()) {
    if (!publisher.open()) return false;
    const auto publication = line_publication(a, line->text);
    std::string fault;
    if (line->too_long) {
      fault = "it has " + std::to_string(line->bytes) + " bytes, and a message at most " +
              std::to_string(publisher.message_bytes_max()) + " at this broker";
    } else if (!publication) {
      fault = "no key before a \"" + a.key_separator + "\"";
    } else {
      fault = publisher.fault_of(*publication);
    }
    if (!fault.empty()) {
      publisher.leave_out(line->number, fault);
    } else if (!publisher.publish(*publication, line->number)) {
      return false;
    }
    input.take_line();
  }
  return input.ended();
}

// Publishes `content` as one message. False if it has to wait, or failed.
bool publish_content(const Arguments& a, Publisher& publisher, const std::string& content) {
  if (!publisher.open()) return false;
  client::Publication publication;
  publication.key = as_bytes(a.key);
  publication.payload = as_bytes(content);
  publication.deletion = a.deletion;
  const std::string fault = publisher.fault_of(publication);
  if (!fault.empty()) publisher.fail(Exit::refused, "the message is not published: " + fault);
  return fault.empty() && publisher.publish(publication);
}

// Says which lines were read but not published.
void tell_rest(const Program& program, const LineInput& input) {
  if (!input.has_rest()) return;
  program.error("from line " + std::to_string(input.line_number()) + " on nothing was published");
}

Exit run(client::Client& client, Publisher& publisher, const Arguments& a, LineInput& input,
         const std::string& content, EventLoop& loop, std::optional<uint64_t> deadline_ms) {
  const SystemClock clock;
  bool all_published = false;
  client.start();
  for (;;) {
    if (publisher.failed()) return *publisher.failed();
    if (!all_published) {
      all_published =
          a.lines ? publish_lines(a, publisher, input) : publish_content(a, publisher, content);
    }
    if (publisher.failed()) return *publisher.failed();
    if (all_published && publisher.settled()) return publisher.outcome();
    const uint64_t now = clock.mono_ms();
    if (deadline_ms && now >= *deadline_ms) {
      const bool all = a.lines && publisher.ever_open() && publisher.settled();
      if (all && !input.has_rest()) return publisher.outcome();
      publisher.stop("the time was over");
      return Exit::timeout;
    }
    // No input is read while a line waits, so the rest stays in the pipe. The end of the input is
    // noticed without a broker, too.
    const bool wants_input = a.lines && !input.ended() && !input.line();
    publisher.before_turn();
    const auto wake =
        loop.turn(client, deadline_ms ? static_cast<int>(*deadline_ms - now) : -1, wants_input);
    if (wake.input) input.read_some();
    if (wake.signal != 0) {
      publisher.stop(wake.signal == SIGINT ? "interrupted" : "terminated");
      return static_cast<Exit>(128 + wake.signal);
    }
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
  app.add_option("-W,--timeout", a.timeout,
                 "End after this time; with 3 if not all was confirmed by then")
      ->type_name("SECONDS");
  program.finish();
  if (const auto exit = program.parse(argc, argv)) return static_cast<int>(*exit);
  const std::string fault = fault_of(a, message->count() != 0);
  if (!fault.empty()) return static_cast<int>(program.usage(fault));
  const SystemClock clock;
  const auto deadline_ms = deadline_of(a.timeout, clock);
  if (!deadline_ms) return static_cast<int>(program.usage(deadline_ms.error().text));
  std::string content = a.message;
  if (!a.file.empty()) {
    auto read = read_file(a.file, *deadline_ms, clock);
    if (!read) {
      program.error(read.error().text);
      return static_cast<int>(read.error().code == Errc::timeout ? Exit::timeout : Exit::error);
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
  Publisher publisher(program, acks);
  client::Client client(std::move(*options), publisher, clock);
  publisher.attach(client,
                   *client.open(a.topic, acks ? wire::AckLevel::memory : wire::AckLevel::none));
  EventLoop loop;
  LineInput input(STDIN_FILENO,
                  limits::message_bytes_max + limits::key_bytes_max + a.key_separator.size());
  const Exit exit = run(client, publisher, a, input, content, loop, *deadline_ms);
  tell_rest(program, input);
  client.close();
  while (client.run_once(50)) {
  }
  if (publisher.failed()) {
    if (const int signal = tell_who_is_in_reach(program, client, loop)) return 128 + signal;
  }
  if (input.fault() != 0) {
    program.error(std::string("standard input: ") + std::strerror(input.fault()));
  }
  return static_cast<int>(input.fault() != 0 && exit == Exit::ok ? Exit::error : exit);
}
