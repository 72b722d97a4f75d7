// btsub: prints messages that are published. Parts: the options, reading their values, the loop
// (run), main.
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>

#include "sdk/base/standard_streams.h"
#include "sdk/cli/event_loop.h"
#include "sdk/cli/in_reach.h"
#include "sdk/cli/subscriber.h"
#include "sdk/cli/time_text.h"
#include "sdk/wire/topic_name.h"

namespace {

using namespace btb;
using namespace btb::cli;

// The command line as it was written.
struct Arguments {
  std::vector<std::string> filters;
  std::vector<std::string> excludes;
  std::optional<std::string> count;
  std::string timeout;
  std::string from;
  bool once = false;
  bool only_new = false;
  std::string format = "text";
  std::string pattern;
  bool rate = false;
  bool latency = false;
  std::string colour = "auto";
};

Words words() {
  return {
      "btsub",
      "Print the messages of topics, as they come",
      "btsub subscribes to every topic that matches one of its FILTERs and prints their messages: "
      "of a state topic "
      "first its present rows, then the changes; of an events topic what comes from now on, unless "
      "--from asks for "
      "more (of $dead/..., the records that could not be read, all that are kept). In a filter, + "
      "stands for one level and # at the end for all the rest: ward/+/alarm, "
      "ward/#.\n\n"
      "It connects again by itself when the connection is lost and goes on where it was; nothing "
      "is printed twice. "
      "What was missed, because the broker no longer had it, is said on standard error, with "
      "numbers.\n\n"
      "Messages go to standard output as soon as they come, whatever it is; everything else goes "
      "to standard error. "
      "With --format text, table and hex, control characters and the like in names, keys and "
      "payloads are written "
      "out as \\n, \\x1b or \\u202e, so that a message is one line and cannot command a terminal. "
      "json does the same "
      "with JSON's own escapes; csv and -F do it if the output is a terminal; raw never does.\n\n"
      "A line of --format json is an object with ts (UTC, microseconds), topic, seq, op (put or "
      "delete), key, payload "
      "and snapshot (true for the rows a state topic began with). The payload of a deletion is "
      "null; one that is JSON "
      "is embedded as it is; other text is a string; anything else is an object with the one "
      "member $base64.\n\n"
      "A line of json or csv whose op is refetch says that all that was printed of its topic "
      "before "
      "is void: the broker was started anew, or no longer knows what was missed. What the topic "
      "holds follows, unless it does not exist any more. The line has seq 0, an empty key and no "
      "payload, and does not count for -n; with every form the same is said on standard error.\n\n"
      "With --once btsub ends when it has printed what the broker had when it subscribed: the rows "
      "of state topics and "
      "the kept messages of events topics. It ends at once if nothing matches.",
      {{"btsub 'ward/#'", "The rows of all topics below ward, then their changes"},
       {"btsub --once -f json 'ward/+/beds' | jq .payload",
        "The present state, as JSON, and an end"},
       {"btsub --from -10 log/door", "The last ten events, then new ones"},
       {"btsub --from @-15m -F '{time} {topic:-1} {payload:name}' 'log/#'",
        "A quarter of an hour, in a form of one's own"},
       {"btsub -n 1 -W 5 alarm && ring", "Wait up to five seconds for one message"},
       {"btsub --rate --latency 'feed/#'", "How much, how fast"}},
      {"btpub", "btctl", "btbroker"},
      "",
      true};
}

void add_options(Program& program, Arguments& a) {
  CLI::App& app = program.app();
  app.add_option("FILTER,-t,--topic", a.filters,
                 "Topics to print; + is one level, # the rest; repeatable")
      ->type_name("FILTER");
  app.add_option("-T,--exclude", a.excludes, "Topics not to print; repeatable")
      ->type_name("FILTER")
      ->allow_extra_args(false);
  program.add_broker_options();
  app.add_option("-n,--count", a.count, "End after so many messages")->type_name("N");
  app.add_option("-W,--timeout", a.timeout, "End after this time; with 3 if messages were missing")
      ->type_name("SECONDS");
  app.add_option("--from", a.from,
                 "Where to begin: latest, beginning, seq:N, -N (the last N), @TIME")
      ->type_name("WHERE");
  app.add_flag("--once", a.once, "Print what there is, then end");
  app.add_flag("--new", a.only_new,
               "Print only what is new: no rows of state topics to begin with");
  app.add_option("-f,--format", a.format, "Form of the output")
      ->check(CLI::IsMember({"text", "json", "csv", "table", "raw", "hex"}))
      ->type_name("FORM")
      ->capture_default_str();
  app.add_option("-F,--template", a.pattern,
                 "A form of one's own: '{topic} {key} {payload} {seq} {op} {time:%H:%M}'")
      ->type_name("TEMPLATE");
  app.add_flag("--rate", a.rate, "Print messages/s and MB/s each second instead of messages");
  app.add_flag("--latency", a.latency,
               "Print the time from publishing to here (same clock needed) instead of messages");
  app.add_option("--colour,--color", a.colour,
                 "Colours; auto means on a terminal, unless $NO_COLOR is set")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN")
      ->capture_default_str();
  program.finish();
}

// Reads --from ("-10", "seq:5", "@2026-11-22" and so on) into `to`.
Result<void> read_from(const std::string& text, int64_t now_us, client::Subscription& to) {
  const auto number = [&](std::string_view digits) {
    const char* end = digits.data() + digits.size();
    const auto [at, fault] = std::from_chars(digits.data(), end, to.value);
    return !digits.empty() && fault == std::errc{} && at == end && to.value >= 0;
  };
  if (text == "latest" || text.empty()) return {};
  if (text == "beginning") {
    to.from = wire::From::beginning;
    return {};
  }
  if (text.starts_with("seq:") && number(std::string_view(text).substr(4))) {
    to.from = wire::From::seq;
    return {};
  }
  if (text.starts_with('-') && number(std::string_view(text).substr(1))) {
    to.from = wire::From::last;
    return {};
  }
  if (text.starts_with('@')) {
    const auto time = parse_time_us(std::string_view(text).substr(1), now_us);
    if (!time) return Error{Errc::invalid, "--from: " + time.error().text};
    to.from = wire::From::time;
    to.value = *time;
    return {};
  }
  return Error{Errc::invalid,
               "--from: \"" + text + "\": expected latest, beginning, seq:N, -N or @TIME"};
}

// The value of --count; 0 without it.
Result<uint64_t> read_count(const std::optional<std::string>& written) {
  if (!written) return uint64_t{0};
  const std::string& text = *written;
  uint64_t count = 0;
  const char* end = text.data() + text.size();
  const auto [at, fault] = std::from_chars(text.data(), end, count);
  if (fault == std::errc{} && at == end && count != 0) return count;
  return Error{Errc::invalid, "--count: a number from 1 on is expected" +
                                  std::string(fault == std::errc::result_out_of_range
                                                  ? ", up to 18446744073709551615"
                                                  : "") +
                                  ", not \"" + text + "\""};
}

Result<FormatOptions> format_options(const Arguments& a, bool verbose) {
  using Form = FormatOptions::Form;
  FormatOptions options;
  options.form = a.format == "json"    ? Form::json
                 : a.format == "csv"   ? Form::csv
                 : a.format == "table" ? Form::table
                 : a.format == "raw"   ? Form::raw
                 : a.format == "hex"   ? Form::hex
                                       : Form::text;
  if (!a.pattern.empty()) {
    auto pattern = Template::parse(a.pattern);
    if (!pattern) return pattern.error();
    options.pattern = std::move(*pattern);
  }
  options.verbose = verbose;
  options.to_terminal = ::isatty(STDOUT_FILENO) == 1;
  const char* no_colour = std::getenv("NO_COLOR");
  const bool wanted = options.to_terminal && (no_colour == nullptr || *no_colour == '\0');
  options.colour = a.colour == "always" || (a.colour == "auto" && wanted);
  winsize size{};
  if (options.to_terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
    options.columns = size.ws_col;
  }
  return options;
}

// The subscriptions. The error says which argument is wrong.
Result<std::vector<client::Subscription>> subscriptions_of(const Arguments& a, int64_t now_us) {
  if (a.filters.empty())
    return Error{Errc::invalid, "which topics? A FILTER is missing; '#' is all"};
  for (const std::string& filter : a.excludes) {
    if (const char* fault = wire::topic_filter_fault(filter)) {
      return Error{Errc::invalid, "--exclude \"" + filter + "\": " + fault};
    }
  }
  if (a.once && a.only_new) return Error{Errc::invalid, "--once and --new exclude each other"};
  client::Subscription model;
  const auto from = read_from(a.from, now_us, model);
  if (!from) return from.error();
  if (a.once && a.from.empty()) model.from = wire::From::beginning;
  model.no_snapshot = a.only_new;
  std::vector<client::Subscription> subscriptions;
  for (const std::string& filter : a.filters) {
    if (const char* fault = wire::topic_filter_fault(filter)) {
      return Error{Errc::invalid, "filter \"" + filter + "\": " + fault};
    }
    client::Subscription& one = subscriptions.emplace_back(model);
    one.filter = filter;
    // Dead letters are records that could not be read. People want to see the old ones, too.
    const bool dead = filter == "$dead" || filter.starts_with("$dead/");
    if (dead && a.from.empty() && !a.only_new) one.from = wire::From::beginning;
  }
  return subscriptions;
}

// If --from is not given, the person may not know that older messages can be printed.
bool tells_kept(const Arguments& a) {
  return a.from.empty() && !a.only_new && !a.once && !a.rate && !a.latency;
}

// Runs until something ends it, and returns the exit code. The caller flushes the output.
int run(client::Client& client, client::Roaming& roaming, Subscriber& subscriber, Output& output,
        const Program& program, std::optional<uint64_t> deadline_ms, const Arguments& a) {
  const SystemClock clock;
  EventLoop loop;
  client.start();
  for (;;) {
    if (!subscriber.flush()) return static_cast<int>(output.fault() == 0 ? Exit::ok : Exit::error);
    if (subscriber.done()) {
      const int signal = tell_who_is_in_reach(program, client, loop, deadline_ms);
      return signal != 0 ? 128 + signal : static_cast<int>(*subscriber.done());
    }
    if (roaming.gave_up()) {
      const bool heard = roaming.gave_up()->code == Errc::refused;
      if (heard) program.note(roaming.gave_up()->text);
      if (!heard) program.no_broker(*roaming.gave_up());
      return static_cast<int>(heard ? subscriber.give_up(client.most_telling_ending())
                                    : Exit::unreachable);
    }
    uint64_t now = clock.mono_ms();
    if (deadline_ms && now >= *deadline_ms) {
      const bool enough = !a.count && !a.once && subscriber.taken() != 0;
      subscriber.time_over(enough ? Exit::ok : Exit::timeout);
      return static_cast<int>(*subscriber.done());
    }
    auto next = deadline_ms;
    if (const auto figures = subscriber.next_figures_ms()) {
      if (now >= *figures) {
        subscriber.figures(now);
        continue;
      }
      next = next ? std::min(*next, *figures) : *figures;
    }
    const auto wake = loop.turn(client, next ? static_cast<int>(*next - now) : -1, false, &roaming);
    if (wake.signal != 0) return 128 + wake.signal;
    if (wake.output_closed) return static_cast<int>(Exit::ok);
  }
}

// Says goodbye, without waiting long for a broker that does not listen.
void leave(client::Client& client, const Clock& clock) {
  client.close();
  const uint64_t deadline = clock.mono_ms() + 200;
  while (clock.mono_ms() < deadline && client.run_once(50)) {
  }
}

}  // namespace

int main(int argc, char** argv) {
  take_standard_streams();
  Program program(words());
  Arguments arguments;
  add_options(program, arguments);
  if (const auto exit = program.parse(argc, argv)) return static_cast<int>(*exit);

  const SystemClock clock;
  const auto subscriptions = subscriptions_of(arguments, clock.now_us());
  if (!subscriptions) return static_cast<int>(program.usage(subscriptions.error().text));
  const auto count = read_count(arguments.count);
  if (!count) return static_cast<int>(program.usage(count.error().text));
  auto format = format_options(arguments, program.verbose());
  if (!format) return static_cast<int>(program.usage(format.error().text));
  std::optional<uint64_t> deadline_ms;
  if (!arguments.timeout.empty()) {
    const auto wait = parse_wait_ms(arguments.timeout);
    if (!wait) return static_cast<int>(program.usage("--timeout: " + wait.error().text));
    deadline_ms = clock.mono_ms() + *wait;
  }
  auto options = program.client_options();
  if (!options) {
    const bool invalid = options.error().code == Errc::invalid;
    if (invalid) return static_cast<int>(program.usage(options.error().text));
    program.error(options.error().text);
    return static_cast<int>(Exit::unreachable);
  }

  Output output(STDOUT_FILENO);
  Subscriber subscriber({arguments.excludes, *count, arguments.once, tells_kept(arguments),
                         arguments.rate, arguments.latency},
                        Formatter(std::move(*format)), output, program, clock);
  client::Client client(std::move(*options), subscriber, clock);
  std::map<uint32_t, std::string> ids;
  for (const auto& subscription : *subscriptions) {
    ids.emplace(*client.subscribe(subscription), subscription.filter);
  }
  subscriber.attach(client, std::move(ids));
  client::Roaming roaming(client, program.roaming_options(), clock,
                          [&](const std::string& text) { program.note(text); });
  const int exit = run(client, roaming, subscriber, output, program, deadline_ms, arguments);
  subscriber.flush();
  subscriber.summary();
  const Exit last = program.written(output, static_cast<Exit>(exit));
  leave(client, clock);
  return static_cast<int>(last);
}
