/* The border between the broker and a source plugin, in C. Compiles as C11 and as C++11 to C++20.
 *
 * A plugin is a shared object with one exported symbol, btb_plugin_entry. One plugin makes any
 * number of sources; each source runs on a thread of its own and may block there. C++ authors take
 * source.h, which is a skin over this.
 *
 * Life of a source: btb_plugin_entry -> validate (any number of times, also without a source) ->
 * create -> run -> destroy; create, run and destroy happen on the source's own thread, in this
 * order, once each.
 *
 * Rules
 *   - Every struct begins with its size, set by the side that made it. Fields are only ever
 * appended; a reader looks at a field only if the size reaches over it. Minor versions append,
 * major versions break.
 *   - Where structs lie in an array (the messages of a batch, the settings of a source), all of it
 * have the same size, a multiple of 8, and a reader steps by the size of the first: the other side
 * may know larger ones than the reader does.
 *   - "borrowed" pointers live until the function returns, unless the comment names another end.
 *   - Text is UTF-8 and ends with NUL where it is a `const char *`; btb_bytes need not end with
 * anything.
 *   - No exception may cross (one that does fails its source); nothing is ever freed by the other
 * side.
 *   - Thread tags: [source] on the source's own thread; [any] on any thread, at any time between
 * create and the end of destroy; [load] on whichever thread loads the plugin, before any source
 * exists. Debug builds of the broker stop on a call from a wrong thread.
 */
#ifndef BTB_SDK_PLUGIN_ABI_H
#define BTB_SDK_PLUGIN_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BTB_ABI_MAJOR 1u
/* 1: BTB_OPTION_PATH, get_extension of a plugin with "btb.plugin.examine/1" and
 * "btb.plugin.topics/1". */
#define BTB_ABI_MINOR 1u

/* What a call came to. Negative: it did not happen. */
typedef int32_t btb_status;
enum {
  BTB_OK = 0,
  BTB_AGAIN =
      1, /* not now: the broker is full or the source is paused; nothing was taken. See wait. */
  BTB_STOPPED = 2,  /* the source is asked to end: return from run soon */
  BTB_INVALID = -1, /* an argument breaks a rule; the text says which */
  BTB_FAILED = -2   /* it was tried and went wrong */
};

typedef struct btb_bytes {
  const uint8_t* data; /* may be NULL if size is 0 */
  size_t size;
} btb_bytes;

/* --- options: what a plugin can be told
 * ------------------------------------------------------------------------ */

typedef uint32_t btb_option_type;
enum {
  BTB_OPTION_TEXT = 1,     /* text */
  BTB_OPTION_FLAG = 2,     /* integer is 0 or 1                          true, false */
  BTB_OPTION_INTEGER = 3,  /* integer                                    42 */
  BTB_OPTION_NUMBER = 4,   /* number                                     0.3 */
  BTB_OPTION_DURATION = 5, /* integer, in milliseconds                   500ms, 30s, 5m, 2h, 7d */
  BTB_OPTION_SIZE = 6,     /* integer, in bytes                          512, 64KiB, 1MiB */
  BTB_OPTION_CHOICE = 7,   /* text, one of `choices` */
  BTB_OPTION_LIST = 8,     /* items                                      [a, b] or a */
  BTB_OPTION_MAP = 9,  /* items: key, value, key, value              {a: x, b: y}; a list as a value
                          repeats its key */
  BTB_OPTION_PATH = 10 /* text: a path, or a pattern of paths. A relative one begins at the folder
                          of the configuration: the host has put that in front. Empty stays empty.
                          Since minor 1 */
};

enum {
  BTB_OPTION_REQUIRED = 1u, /* there is no default, and leaving it out is an error */
  BTB_OPTION_SECRET = 2u    /* never shown, never logged */
};

/* One option. Static in the plugin, lives as long as it is loaded. */
typedef struct btb_option {
  uint32_t size;
  btb_option_type type;
  uint32_t flags;
  const char* name; /* as it is written under `options:` */
  const char*
      default_value;   /* as it would be written in YAML; NULL: none, and the setting is absent */
  const char* choices; /* for CHOICE: "snapshot|append|delta"; else NULL */
  const char* help;    /* one sentence, with the unit */
  int64_t integer_min; /* for INTEGER, DURATION, SIZE; min == max == 0: any */
  int64_t integer_max;
} btb_option;

/* One option's value, checked by the broker against its declaration. Borrowed. */
typedef struct btb_setting {
  uint32_t size;
  btb_option_type type;
  const char* name;
  btb_bytes text;         /* TEXT, CHOICE, PATH */
  int64_t integer;        /* FLAG, INTEGER, DURATION, SIZE */
  double number;          /* NUMBER */
  const btb_bytes* items; /* LIST, MAP */
  size_t item_count;
} btb_setting;

/* --- messages
 * ----------------------------------------------------------------------------------------------------
 */

typedef uint32_t btb_op;
enum { BTB_PUT = 0, BTB_DELETE = 1 };

typedef struct btb_message {
  uint32_t size;
  btb_op op;
  btb_bytes topic;   /* 1 to 255 bytes, see docs/protocol.md */
  btb_bytes key;     /* up to 1024 bytes; a state topic needs one */
  btb_bytes payload; /* up to the broker's message_bytes_max; empty for BTB_DELETE */
  int64_t time_us;   /* microseconds since 1970-01-01 UTC; 0, negative or still to come: when the
                        broker takes it */
} btb_message;

enum {
  BTB_BATCH_MORE = 1u, /* the next batch belongs to this one: subscribers apply them together */

  /* With this batch, all the source has was published since run began. State rows that it published
   * in an earlier run and not again are deleted, unless they are so many that the broker asks an
   * operator first. Once in a run, and not after records that could not be read. The batch may be
   * empty. */
  BTB_BATCH_COMPLETE = 2u,

  /* As COMPLETE, after records that could not be read: rows of an earlier run that did not come
   * again may be among these. The broker shows how many there are and keeps them until an operator
   * confirms their deletion, or a COMPLETE follows. A broker that does not know it keeps them. */
  BTB_BATCH_UNSURE = 4u
};

/* What belongs together: one poll, one transaction, one file. Taken whole or not at all. */
typedef struct btb_batch {
  uint32_t size;
  uint32_t flags;
  const btb_message* messages; /* borrowed; one behind the other, by messages[0].size */
  size_t message_count;
  btb_bytes resume_token; /* where to go on after this batch, up to 4096 bytes; empty: as before */
} btb_batch;

/* A record that could not be read: it goes to the topic $dead/SOURCE. */
typedef struct btb_dead_letter {
  uint32_t size;
  const char* reason;   /* "unclosed quote" */
  const char* location; /* file, table or URL; may be NULL */
  uint64_t line;        /* 0: none */
  uint64_t column;      /* 0: none */
  uint64_t byte_offset;
  btb_bytes raw; /* the record as it came; the broker keeps the first 4096 bytes */
} btb_dead_letter;

/* --- the host: what the broker does for a source
 * ----------------------------------------------------------------- */

typedef uint32_t btb_log_level;
enum { BTB_LOG_DEBUG = 0, BTB_LOG_INFO = 1, BTB_LOG_WARNING = 2, BTB_LOG_ERROR = 3 };

typedef uint32_t btb_source_state;
enum {
  BTB_STATE_STARTING = 0,
  BTB_STATE_SNAPSHOT = 1, /* reading all there is */
  BTB_STATE_LIVE = 2,     /* complete, and watching for changes */
  BTB_STATE_DEGRADED = 3, /* going on with what it has; the text says what is wrong */
  BTB_STATE_GUARD = 4 /* holding back a change too large to be believed; the text says what to do */
};

typedef struct btb_host btb_host;
struct btb_fault;
struct btb_host {
  uint32_t size;
  uint32_t abi_major;
  uint32_t abi_minor;
  void* context; /* the broker's own */

  /* A capability by its versioned name ("btb.thread_check/1"), NULL if this broker has none such.
   * Lives as long as the source. [any] */
  const void* (*get_extension)(const btb_host* host, const char* id);

  /* Hands a batch over; everything in it is borrowed. BTB_OK: taken whole. BTB_AGAIN: nothing was
   * taken, wait and call again. BTB_STOPPED: nothing was taken, end. BTB_INVALID: nothing was
   * taken, `fault` (may be NULL) says which message and why. [source] */
  btb_status (*publish)(const btb_host* host, const btb_batch* batch, struct btb_fault* fault);

  /* A record that cannot become a message. Never blocks; above a rate it is counted and not kept.
   * [source] */
  void (*dead_letter)(const btb_host* host, const btb_dead_letter* letter);

  /* Sleeps until `timeout_ms` have passed (negative: for ever), or something was asked of the
   * source, or, after publish said BTB_AGAIN, until there is room. BTB_OK, or BTB_STOPPED. [source]
   */
  btb_status (*wait)(const btb_host* host, int64_t timeout_ms);

  /* For sources that wait in a poll of their own: a descriptor that is readable while `wait` would
   * return at once. Owned by the host; never read it, only poll it and then call status. [source]
   */
  int (*wake_fd)(const btb_host* host);

  /* BTB_OK: go on. BTB_AGAIN: paused, publish nothing; wait. BTB_STOPPED: end. Takes what made
   * wake_fd readable. [any] */
  btb_status (*status)(const btb_host* host);

  /* What an operator sees. `text` may be NULL. [source] */
  void (*set_state)(const btb_host* host, btb_source_state state, const char* text);

  /* One line for the log. [any] */
  void (*log)(const btb_host* host, btb_log_level level, const char* text);

  /* Why create or run is about to fail. `option` names the option at fault, or is NULL. [source] */
  void (*fail)(const btb_host* host, const char* option, const char* text);

  /* The name of this source in the configuration. Lives as long as the source. */
  const char* source_name;
};

typedef struct btb_fault {
  uint32_t size;
  size_t message_index;
  const char* text; /* static */
} btb_fault;        /* made by the source; the host fills in all but the size */

/* Extension of the host, "btb.thread_check/1". */
#define BTB_EXTENSION_THREAD_CHECK "btb.thread_check/1"
typedef struct btb_thread_check {
  uint32_t size;
  int32_t (*is_source_thread)(const btb_host* host); /* 1 or 0. [any] */
} btb_thread_check;

/* --- the plugin: what it offers
 * ---------------------------------------------------------------------------------- */

typedef struct btb_source {
  uint32_t size;
  void* self;

  /* Publishes until there is nothing more to come (BTB_OK), the host says BTB_STOPPED (return it),
   * or it fails (BTB_FAILED, after host->fail); then the broker starts it again after a while.
   * `resume_token` is the last one that was taken, empty at the first start; what was published
   * behind it may come twice. [source] */
  btb_status (*run)(void* self, btb_bytes resume_token_borrowed);

  /* The source is asked to stop and may be blocked outside of host->wait: end that soon. Called on
   * another thread, between create and destroy, which waits for it: it must not block. May be NULL.
   * [any] */
  void (*interrupt)(void* self);

  /* Frees everything, itself included. [source] */
  void (*destroy)(void* self);

  /* A capability by its versioned name, NULL if there is none such. May be NULL. [any] */
  const void* (*get_extension)(void* self, const char* id);
} btb_source;

/* Extension of a source, "btb.source.pause/1": wants to know when it is paused, to give back what
 * it holds meanwhile. Both are called between two calls of publish. [source] */
#define BTB_EXTENSION_PAUSE "btb.source.pause/1"
typedef struct btb_source_pause {
  uint32_t size;
  void (*pause)(void* self);
  void (*resume)(void* self);
} btb_source_pause;

/* Told about one fault in the settings: the option (NULL: all of them together) and what is wrong
 * with it. */
typedef void (*btb_report)(void* context, const char* option, const char* text);

typedef struct btb_plugin {
  uint32_t size;
  uint32_t abi_major;
  uint32_t abi_minor;
  const char* name;                 /* "csv" */
  const char* version;              /* "0.1.0" */
  const char* description;          /* one line */
  const btb_option* const* options; /* option_count of them */
  size_t option_count;

  /* Looks for what the declarations cannot say ("key: no such column"). Pure: no files, no network,
   * quick. Required options are always there; an option whose value breaks its declaration has its
   * default instead, and what is reported of it is left out. May be NULL. [any] */
  void (*validate)(const btb_setting* settings, size_t setting_count, btb_report report,
                   void* context);

  /* A new source, or NULL after host->fail. `settings` are borrowed and lie one behind the other,
   * by settings[0].size; `host` lives until destroy returns. [source] */
  const btb_source* (*create)(const btb_host* host, const btb_setting* settings,
                              size_t setting_count);

  /* A capability of the plugin by its versioned name, NULL if there is none such. May be NULL.
   * Since minor 1. [any] */
  const void* (*get_extension)(const char* id);
} btb_plugin;

/* Extension of a plugin, "btb.plugin.examine/1": looks at what the settings point to, as it is now:
 * is the file there and readable, has it the columns that are named? For `btbroker --check`, which
 * runs no source. Reports what a source would miss if it began now; all of it may still come, so
 * each is a warning. Changes nothing outside, and takes a few seconds at most. The settings passed
 * validate. [any] */
#define BTB_EXTENSION_EXAMINE "btb.plugin.examine/1"
typedef struct btb_plugin_examine {
  uint32_t size;
  void (*examine)(const btb_setting* settings, size_t setting_count, btb_report report,
                  void* context);
} btb_plugin_examine;

/* What a topic is: a sequence in which each message counts, or a table of rows, by key, that come
 * and go. */
typedef uint32_t btb_topic_kind;
enum { BTB_KIND_EVENTS = 1, BTB_KIND_STATE = 2 };

/* Told of topics that a source makes: a filter ("ward/+/beds": + is one level, # at the end the
 * rest), and their kind. */
typedef void (*btb_declare_topics)(void* context, const char* filter, btb_topic_kind kind);

/* Extension of a plugin, "btb.plugin.topics/1": which topics a source with these settings makes,
 * and of which kind. Where no rule of the configuration names a kind they get this one; where a
 * rule names another, that is said, and the rule counts. What is not declared is events. Pure,
 * quick; up to 1000 declarations. The settings passed validate. [any] */
#define BTB_EXTENSION_TOPICS "btb.plugin.topics/1"
typedef struct btb_plugin_topics {
  uint32_t size;
  void (*topics)(const btb_setting* settings, size_t setting_count, btb_declare_topics declare,
                 void* context);
} btb_plugin_topics;

#if defined(__GNUC__)
#define BTB_EXPORT __attribute__((visibility("default")))
#else
#define BTB_EXPORT
#endif

/* The one exported symbol. `majors` are the ABI majors this broker speaks; the plugin answers with
 * a description in one of them, or with NULL. Static, lives as long as the library is loaded; may
 * be called often. [load] */
BTB_EXPORT const btb_plugin* btb_plugin_entry(const uint32_t* majors, size_t major_count);
typedef const btb_plugin* (*btb_plugin_entry_function)(const uint32_t* majors, size_t major_count);

#ifdef __cplusplus
}
#endif

#endif /* BTB_SDK_PLUGIN_ABI_H */
