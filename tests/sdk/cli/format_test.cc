#include "sdk/cli/format.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <time.h>

using namespace btb;
using namespace btb::cli;
using Form = FormatOptions::Form;

namespace {

struct Sample {
  client::Topic topic;
  client::Message message;
  std::string key = "k";
  std::string payload = "v";
  Sample() {
    setenv("TZ", "UTC", 1);
    tzset();
    topic.name = "a/b";
    message.seq = 3;
    message.time_us = 3'661'000'000;
  }
  std::string as(Formatter& formatter) {
    message.key = as_bytes(key);
    message.payload = as_bytes(payload);
    std::string out;
    formatter.append(out, topic, message);
    return out;
  }
  std::string as(FormatOptions options) {
    Formatter formatter(std::move(options));
    return as(formatter);
  }
};

FormatOptions form(Form which) {
  FormatOptions options;
  options.form = which;
  return options;
}

}  // namespace

TEST_CASE("text is topic, key and payload on one line, whatever they hold") {
  Sample sample;
  CHECK(sample.as(form(Form::text)) == "a/b k v\n");
  sample.key = "";
  CHECK(sample.as(form(Form::text)) == "a/b v\n");
  sample.payload = "two\nlines \x1b[31m";
  CHECK(sample.as(form(Form::text)) == "a/b two\\nlines \\x1b[31m\n");
  sample.payload = "";
  sample.message.deletion = true;
  CHECK(sample.as(form(Form::text)) == "a/b (deleted)\n");
}

TEST_CASE("verbose text tells time and number, and what is a snapshot") {
  Sample sample;
  FormatOptions options = form(Form::text);
  options.verbose = true;
  CHECK(sample.as(options) == "1970-01-01T01:01:01.000000Z #3 + a/b k v\n");
  sample.message.snapshot = true;
  CHECK(sample.as(options) == "1970-01-01T01:01:01.000000Z #3 = a/b k v\n");
}

TEST_CASE("json has every member, and null for a deletion") {
  Sample sample;
  sample.message.deletion = true;
  sample.payload = "";
  CHECK(
      sample.as(form(Form::json)) ==
      R"({"ts":"1970-01-01T01:01:01.000000Z","topic":"a/b","seq":3,"op":"delete","key":"k","payload":null,"snapshot":false})"
      "\n");
}

TEST_CASE("csv begins with the names and quotes what needs it") {
  Sample sample;
  sample.payload = "a \"b\",\nc";
  Formatter formatter(form(Form::csv));
  CHECK(sample.as(formatter) ==
        "ts,topic,seq,op,key,payload,snapshot\r\n"
        "1970-01-01T01:01:01.000000Z,a/b,3,put,k,\"a \"\"b\"\",\nc\",false\r\n");
  sample.payload = "x";
  CHECK(sample.as(formatter) == "1970-01-01T01:01:01.000000Z,a/b,3,put,k,x,false\r\n");
  FormatOptions terminal = form(Form::csv);
  terminal.to_terminal = true;
  sample.payload = "\x1b[2J";
  CHECK(sample.as(terminal).find('\x1b') == std::string::npos);
}

TEST_CASE("raw is the payload's bytes, hex their digits") {
  Sample sample;
  sample.payload = std::string("\x00\xff\n", 3);
  CHECK(sample.as(form(Form::raw)) == sample.payload);
  CHECK(sample.as(form(Form::hex)) == "a/b k 00ff0a\n");
}

TEST_CASE("a table has a head, columns and no line wider than the terminal") {
  Sample sample;
  FormatOptions options = form(Form::table);
  options.columns = 60;
  Formatter formatter(options);
  sample.payload = std::string(100, 'x');
  CHECK(sample.as(formatter).empty());  // it waits for what comes with it
  std::string out;
  formatter.flush(out);
  CHECK(out ==
        "TIME   TOPIC  KEY  PAYLOAD\n"
        "01:01  a/b    k    " +
            std::string(40, 'x') + "…\n");
  out.clear();
  formatter.flush(out);
  CHECK(out.empty());
  sample.payload = "\x1b]0;owned\x07";
  (void)sample.as(formatter);
  formatter.flush(out);
  CHECK(out == "01:01  a/b    k    \\x1b]0;owned\\x07\n");
}
