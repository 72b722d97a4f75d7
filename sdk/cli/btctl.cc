// btctl: looks at a running broker and tells it what to do; tries plugins. Parts: answers as text
// (answer_text), sending a command and waiting for its answer (Commander, run_command), the
// commands of the command line, main.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>

#include "sdk/base/standard_streams.h"
#include "sdk/cli/doctor_command.h"
#include "sdk/cli/event_loop.h"
#include "sdk/cli/in_reach.h"
#include "sdk/cli/json_text.h"
#include "sdk/cli/output.h"
#include "sdk/cli/plugin_command.h"
#include "sdk/cli/printable.h"
#include "sdk/cli/program.h"
#include "sdk/cli/scan_command.h"
#include "sdk/cli/table.h"
#include "sdk/cli/time_text.h"
#include "sdk/wire/topic_name.h"
#include "sdk/wire/words.h"

namespace {

using namespace btb;
using namespace btb::cli;
using Json = nlohmann::json;

Words words() {
  return {
      "btctl",
      "Look at a running broker, and tell it what to do",
      "btctl sends one command to a broker and prints its answer: as aligned text, or with --json "
      "as the broker said "
      "it. A broker takes commands from its own user and root, over its unix sockets, unless its "
      "configuration says "
      "otherwise.\n\n"
      "plugin check needs no broker: it loads a plugin and tries it, in processes of their own, in "
      "the ways a broker "
      "would and in those it hopes never to need.",
      {{"btctl status", "What the broker is and how it is"},
       {"btctl topics 'ward/#'", "Topics below ward, with their figures"},
       {"btctl --json sessions | jq '.[] | select(.behind_bytes > 0)'", "Who is behind"},
       {"btctl reload", "Read the configuration again; says what changed and what needs a restart"},
       {"btctl pause medication", "Let the source wait; btctl resume medication lets it go on"},
       {"btctl doctor", "Why Bluetooth does not work here, and the command that mends it"},
       {"btctl scan", "Brokers in reach over Bluetooth, and whether they have places"},
       {"btctl enrol --seconds 60", "Let devices pair for a minute, and no longer"},
       {"btctl plugin check ./feed.so path=/tmp/feed.csv",
        "Try a plugin before a broker loads it"}},
      {"btsub", "btpub", "btbroker"}};
}

// The keys that come first in the answer to a verb. A table without -v shows only these.
struct View {
  const char* verb;
  std::vector<std::string> order;
};

const std::vector<View>& views() {
  static const std::vector<View> all{
      {"status",
       {"name", "version", "config", "started_us", "uptime_s", "listen", "sessions", "topics",
        "sources", "messages", "log_bytes", "log_memory_bytes", "resident_bytes"}},
      {"topics",
       {"name", "number", "kind", "priority", "messages", "keys", "bytes", "first_seq", "last_seq",
        "followers", "rejected"}},
      {"sessions",
       {"id", "name", "agent", "peer", "connected_s", "subscriptions", "topics", "sent_bytes",
        "received_bytes", "behind_bytes"}},
      {"sources",
       {"name", "plugin", "state", "since_us", "messages", "batches", "rejected", "dead_letters",
        "restarts", "text"}},
      {"pause", {"name", "state", "text"}},
      {"resume", {"name", "state", "text"}}};
  return all;
}

std::vector<std::string> order_of(const std::string& verb) {
  for (const View& view : views()) {
    if (verb == view.verb) return view.order;
  }
  return {};
}

// The results of a reload, one line each.
std::string reload_text(const Json& body) {
  std::string out;
  const auto lines = [&](const char* key, const char* label) {
    const auto found = body.find(key);
    if (found == body.end() || !found->is_array()) return;
    for (const Json& line : *found) out += label + cell("", line) + "\n";
  };
  lines("applied", "applied        ");
  lines("needs_restart", "needs restart  ");
  lines("faults", "fault          ");
  return out.empty() ? "nothing changed\n" : out;
}

std::string answer_text(const std::string& verb, const std::string& body, bool verbose) {
  const Json json = Json::parse(body, nullptr, false);
  if (json.is_discarded()) return {};
  if (verb == "reload") return reload_text(json);
  if (json.is_array()) return table(json, order_of(verb), verbose);
  if (json.is_object()) return json.empty() ? "" : sheet(json, order_of(verb));
  return {};
}

// The answer about topics, without the topics that do not match `filter`.
std::string filtered(const std::string& body, const std::string& filter) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_array()) return body;
  Json kept = Json::array();
  for (const Json& topic : json) {
    const auto name = topic.is_object() ? topic.find("name") : topic.end();
    if (!topic.is_object() || name == topic.end() || !name->is_string()) continue;
    if (wire::filter_matches(filter, name->get_ref<const std::string&>())) kept.push_back(topic);
  }
  return kept.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Notes which sources had records that could not be read, and how to see them.
void tell_dead_letters(const Program& program, const std::string& body) {
  const Json rows = Json::parse(body, nullptr, false);
  for (const Json& row : rows) {
    const auto text = [&](const char* key) {
      return row.is_object() && row.contains(key) ? cell("", row[key]) : std::string("-");
    };
    if (text("dead_letters") == "0" || text("dead_letter_topic") == "-") continue;
    program.note(text("name") + ": " + text("dead_letters") +
                 " records could not be read or published; btsub '" + text("dead_letter_topic") +
                 "' shows them");
  }
}

// Sends one command and keeps the answer.
class Commander final : public client::Handler {
 public:
  Commander(const Program& program, std::string verb, std::vector<std::string> arguments)
      : program_(program), verb_(std::move(verb)), arguments_(std::move(arguments)) {}

  void attach(client::Client& client) { client_ = &client; }
  [[nodiscard]] std::optional<Exit> done() const { return done_; }
  [[nodiscard]] const std::string& body() const { return body_; }

 private:
  void on_connected(const client::Session&) override {
    const auto sent = client_->command(verb_, arguments_);
    if (sent) return;
    program_.error(sent.error().text);
    done_ = Exit::refused;
  }
  void on_reply(uint32_t, wire::Reason reason, std::string_view text,
                std::string_view body) override {
    body_ = body;
    done_ = reason == wire::Reason::none             ? Exit::ok
            : reason == wire::Reason::command_failed ? Exit::error
                                                     : Exit::refused;
    if (*done_ == Exit::ok) return;
    program_.error(text.empty() ? wire::name_of(reason) : text);
  }
  void on_disconnected(const client::Ending& ending, int64_t retry_ms) override {
    if (done_) return;
    if (retry_ms >= 0) {
      return program_.note(ending_text(ending, false) +
                           (retry_ms == 0 ? "; there is another way" : "; connecting again"));
    }
    program_.error(ending_text(ending, true));
    done_ = exit_of(ending);
  }

  const Program& program_;
  std::string verb_;
  std::vector<std::string> arguments_;
  client::Client* client_ = nullptr;
  std::optional<Exit> done_;
  std::string body_;
};

// The words that a shell may complete, as "NAME<TAB>DESCRIPTION" lines. Names that are not safe on
// a terminal are left out, and so is `own`, the session of this command.
std::string completion_words(const std::string& verb, const std::string& body, uint64_t own) {
  const Json rows = Json::parse(body, nullptr, false);
  if (!rows.is_array()) return {};
  const char* key = verb == "sessions" ? "id" : "name";
  const char* description = verb == "sessions" ? "name" : verb == "sources" ? "state" : "kind";
  std::string out;
  for (const Json& row : rows) {
    if (!row.is_object() || !row.contains(key)) continue;
    const std::string word = row[key].is_string() ? row[key].get<std::string>() : row[key].dump();
    if (printable(word) != word || (verb == "sessions" && word == std::to_string(own))) continue;
    out += word + "\t" + (row.contains(description) ? cell("", row[description]) : "") + "\n";
  }
  return out;
}

// How long a completion may take.
uint32_t completion_ms_max() {
  const char* text = std::getenv("BTB_COMPLETION_TIMEOUT");
  const auto given = parse_wait_ms(text == nullptr ? "" : text);
  return given ? std::max<uint32_t>(1, *given) : 1'000;
}

// How a command's answer is shown.
struct Shown {
  bool json = false;
  bool completion = false;  // as words for a shell, in a short time
  std::string filter;       // for topics; empty: all
};

int run_command(const Program& program, const std::string& verb, std::vector<std::string> arguments,
                const Shown& shown) {
  const std::string& filter = shown.filter;
  if (const char* fault = filter.empty() ? nullptr : wire::topic_filter_fault(filter)) {
    return static_cast<int>(program.usage("filter \"" + filter + "\": " + fault));
  }
  auto options = program.client_options();
  if (!options) {
    if (options.error().code == Errc::invalid)
      return static_cast<int>(program.usage(options.error().text));
    program.error(options.error().text);
    return static_cast<int>(Exit::unreachable);
  }
  options->reconnect = false;
  if (shown.completion) options->connect_timeout_ms = completion_ms_max();
  const SystemClock clock;
  Commander commander(program, verb, std::move(arguments));
  client::Client client(std::move(*options), commander, clock);
  commander.attach(client);
  EventLoop loop;
  client.start();
  const uint64_t deadline_ms = clock.mono_ms() + completion_ms_max();
  while (!commander.done()) {
    const auto wake = loop.turn(client, shown.completion ? 50 : -1, false);
    if (wake.signal != 0) return 128 + wake.signal;
    const bool late = shown.completion && clock.mono_ms() >= deadline_ms;
    if (late) return static_cast<int>(Exit::timeout);
  }
  client.close();
  while (client.run_once(50)) {
  }
  if (const int signal = tell_who_is_in_reach(program, client, loop)) return 128 + signal;
  Output output(STDOUT_FILENO);
  const std::string body = filter.empty() ? commander.body() : filtered(commander.body(), filter);
  const bool none = *commander.done() == Exit::ok && !filter.empty() && body == "[]";
  if (none) program.error("no topic matches " + filter);
  if (shown.completion) {
    output.buffer() = completion_words(verb, body, client.conversation().session().number);
  } else if (shown.json) {
    if (!body.empty() && !append_compact_json(output.buffer(), body)) {
      program.error("the broker's answer is not JSON");
      return static_cast<int>(Exit::error);
    }
    if (!body.empty()) output.buffer() += "\n";
  } else if (!none) {
    output.buffer() = answer_text(verb, body, program.verbose());
    if (verb == "sources") tell_dead_letters(program, body);
  }
  return static_cast<int>(program.written(output, *commander.done()));
}

// The command line as it was written.
struct Written {
  bool json = false;
  std::string filter;
  std::string name;
  std::string enrol_seconds = "60";
  ScanWords scan;
  std::string completes;
  std::string file;
  std::vector<std::string> options, more_options;
  std::string stop_timeout;
};

CLI::App* add(CLI::App& app, const char* verb, const char* does) {
  CLI::App* sub = app.add_subcommand(verb, does);
  sub->fallthrough();
  return sub;
}

// The commands that go to a running broker.
void add_broker_verbs(CLI::App& app, Written& to) {
  add(app, "status", "What the broker is and how it is");
  add(app, "topics", "The topics and their figures")
      ->add_option("FILTER", to.filter, "Only topics that match")
      ->type_name("FILTER");
  add(app, "sessions", "The connected clients");
  add(app, "sources", "The sources and how they are");
  add(app, "reload", "Read the configuration again and apply it, if it is without faults");
  add(app, "pause", "Let a source wait")
      ->add_option("SOURCE", to.name, "Its name")
      ->required()
      ->type_name("SOURCE");
  add(app, "resume", "Let a source go on")
      ->add_option("SOURCE", to.name, "Its name")
      ->required()
      ->type_name("SOURCE");
  add(app, "kick", "End a session")
      ->add_option("SESSION", to.name, "Its number")
      ->required()
      ->type_name("SESSION");
  add(app, "enrol", "Let devices pair for a while; they need not, to receive")
      ->add_option("--seconds", to.enrol_seconds, "For how long; 0 ends it")
      ->type_name("SECONDS")
      ->capture_default_str();
}

// The commands that btctl runs itself.
void add_own_verbs(CLI::App& app, Written& to) {
  CLI::App* complete = add(app, "complete", "Words for a shell's completion");
  complete->group("");
  complete->add_option("KIND", to.completes, "Of what")
      ->check(CLI::IsMember({"topics", "sessions", "sources"}))
      ->required();
  add(app, "doctor", "What keeps this machine from speaking Bluetooth, and the cure");
  CLI::App* scan = add(app, "scan", "Look for brokers in reach: on this machine, over Bluetooth");
  scan->add_option("--seconds", to.scan.seconds, "How long to listen for advertisements")
      ->type_name("SECONDS")
      ->capture_default_str();
  scan->add_flag("--inquiry", to.scan.inquiry,
                 "Then ask for classic devices, too: 11 more seconds");
  CLI::App* plugin = add(app, "plugin", "Work with plugins, without a broker");
  plugin->require_subcommand(1);
  CLI::App* check = plugin->add_subcommand("check", "Load a plugin and try it");
  check->fallthrough();
  check->add_option("FILE", to.file, "The plugin")->required()->type_name("FILE");
  check->add_option("OPTION", to.options, "Options of the source")->type_name("NAME=VALUE");
  check
      ->add_option(
          "--stop-timeout", to.stop_timeout,
          "How long making, stopping and ending the source may take; 5 if not given, as in "
          "a broker")
      ->type_name("SECONDS");
  check->add_option("-o,--option", to.more_options, "An option of the source; repeatable")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
}

}  // namespace

int main(int argc, char** argv) {
  take_standard_streams();
  Program program(words());
  CLI::App& app = program.app();
  program.add_broker_options();
  Written written;
  app.add_flag("--json", written.json, "Print the broker's own JSON");
  app.require_subcommand(1);
  add_broker_verbs(app, written);
  add_own_verbs(app, written);
  program.finish();
  if (const auto exit = program.parse(argc, argv)) return static_cast<int>(*exit);
  const std::string verb = app.get_subcommands().front()->get_name();
  if (verb == "plugin") {
    auto& options = written.options;
    options.insert(options.end(), written.more_options.begin(), written.more_options.end());
    return check_plugin_file(program, written.file, options, written.stop_timeout, written.json);
  }
  if (verb == "doctor") return examine(program, written.json);
  if (verb == "scan") return scan_for_brokers(program, written.scan, written.json);
  if (verb == "complete") {
    return run_command(program, written.completes, {}, {false, true, ""});
  }
  std::vector<std::string> arguments;
  if (!written.name.empty()) arguments.push_back(written.name);
  if (!written.filter.empty()) arguments.push_back(written.filter);
  if (verb == "enrol") arguments.push_back(written.enrol_seconds);
  return run_command(program, verb, std::move(arguments), {written.json, false, written.filter});
}
