/* The border between the broker and a source plugin, in C. Compiles as C11 and as C++11 to C++20.
 *
 * A plugin is a shared object with one exported symbol, btb_plugin_entry. One plugin makes any
 * number of sources. Each source runs on a thread of its own and may block there. Authors who write
 * C++ use source.h, a thin layer over this header.
 *
 * Life of a source: btb_plugin_entry -> validate (any number of times, also without a source) ->
 * create -> run -> destroy. The source's own thread calls create, run and destroy, once each and in
 * this order. After a create that failed there is neither run nor destroy. If the stop comes during
 * create, there is no run.
 *
 * Rules
 *   - Every struct except btb_bytes begins with its size in bytes, set by the side that made it.
 *     Fields are only ever appended. A reader uses a field only if the size reaches past it. Minor
 *     versions append, major versions break.
 *   - Where structs lie in an array (the messages of a batch, the settings of a source), all of
 *     them have the same size, a multiple of 8. A reader steps by the size of the first struct,
 *     because the other side may know a larger one.
 *   - "Borrowed" pointers live until the function returns, unless the comment names another end.
 *     All arguments are borrowed. The host copies the texts and bytes that it keeps.
 *   - A `const char*` is UTF-8 and ends with NUL. btb_bytes need not end with anything.
 *   - No exception may cross. A plugin that lets one out is refused, or its source fails, with the
 *     name of the function. Neither side ever frees memory of the other.
 *   - Thread tags: [source] on the source's own thread; [any] on any thread; [load] on the thread
 *     that loads the plugin, before any source exists. A function of btb_host or btb_source that is
 *     tagged [any] may be called from the beginning of create to the end of destroy. Debug builds
 *     of the broker stop at a call from a wrong thread; `btctl plugin check` reports it.
 */
#ifndef BTB_SDK_PLUGIN_ABI_H
#define BTB_SDK_PLUGIN_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BTB_ABI_MAJOR 1u
/* Minor 1 added BTB_OPTION_PATH, btb_plugin.get_extension, "btb.plugin.examine/1" and
 * "btb.plugin.topics/1". */
#define BTB_ABI_MINOR 1u

/* The result of a call. Negative: the call had no effect. */
typedef int32_t btb_status;
enum {
  BTB_OK = 0,

  /* Not now: the mailbox is full or the source is paused. Nothing was taken; see btb_host.wait. */
  BTB_AGAIN = 1,

  BTB_STOPPED = 2,  /* the source is asked to end: return from run soon */
  BTB_INVALID = -1, /* an argument breaks a rule; the text says which rule */
  BTB_FAILED = -2   /* it was tried and went wrong */
};

/* Any bytes, also with zeros among them. Borrowed. */
typedef struct btb_bytes {
  const uint8_t* data; /* may be NULL if size is 0 */
  size_t size;
} btb_bytes;

/* --- options: the settings that a plugin understands --- */

/* The type of an option. The comments name the field of btb_setting that holds the value, then
 * forms in which an operator may write it. */
typedef uint32_t btb_option_type;
enum {
  BTB_OPTION_TEXT = 1,     /* text */
  BTB_OPTION_FLAG = 2,     /* integer is 0 or 1           true, false, yes, no, on, off */
  BTB_OPTION_INTEGER = 3,  /* integer, signed, 64 bits    42, -1 */
  BTB_OPTION_NUMBER = 4,   /* number, finite              0.3, 1e9 */
  BTB_OPTION_DURATION = 5, /* integer, ms, 0 or more      500ms, 30s, 5m, 2h, 7d, 0 */
  BTB_OPTION_SIZE = 6,     /* integer, bytes, 0 or more   512, 64KiB, 1MiB, 10kB */
  BTB_OPTION_CHOICE = 7,   /* text, one of `choices` */
  BTB_OPTION_LIST = 8,     /* items                       [a, b], or a alone */

  /* items: key, value, key, value, in the order in which they are written. {a: x, b: [y, z]}; a
   * key with a list comes once for each value, so a key may repeat. */
  BTB_OPTION_MAP = 9,

  /* text: a path, or a pattern of paths. The host puts the folder of the configuration in front of
   * a relative one. An empty text stays empty. Since minor 1. */
  BTB_OPTION_PATH = 10
};

/* Flags of an option. */
enum {
  BTB_OPTION_REQUIRED = 1u, /* there is no default, and leaving the option out is an error */
  BTB_OPTION_SECRET = 2u    /* the broker never shows or logs the value; nor should the plugin */
};

/* The declaration of one option: static in the plugin, and unchanged as long as the library is
 * loaded. The broker checks it when it loads the plugin, and refuses a plugin with a faulty one. */
typedef struct btb_option {
  uint32_t size;
  btb_option_type type;
  uint32_t flags;

  /* As it is written under `options:`. 1 to 64 characters of a-z, 0-9, "_" and "-"; the first is a
   * letter. Each name once in a plugin. */
  const char* name;

  /* As it would be written in YAML ("30s", "[a, b]"); it has to fit its own declaration. NULL: no
   * default, and the setting is absent if the operator leaves it out. NULL if REQUIRED. */
  const char* default_value;

  const char* choices; /* CHOICE: "snapshot|append|delta", no word empty; other types: NULL */
  const char* help;    /* one sentence for the operator, with the unit; never empty */

  /* Bounds, both included, for INTEGER, DURATION (milliseconds) and SIZE (bytes). Both 0: any. */
  int64_t integer_min;
  int64_t integer_max;
} btb_option;

/* The value of one option, checked by the broker against its declaration. `type` tells which field
 * holds the value; the other fields are empty or 0. Find a setting by its name: an option without a
 * value is left out of the array. Borrowed, with all that it points to. */
typedef struct btb_setting {
  uint32_t size;
  btb_option_type type;
  const char* name;
  btb_bytes text;         /* TEXT, CHOICE, PATH: up to 64 KiB */
  int64_t integer;        /* FLAG, INTEGER, DURATION, SIZE */
  double number;          /* NUMBER */
  const btb_bytes* items; /* LIST, MAP: up to 64 KiB each */
  size_t item_count;      /* up to 10000; of a MAP keys and values together, so it is even */
} btb_setting;

/* --- messages --- */

/* What a message does. BTB_PUT adds a message to a topic of events, or sets a row of a state topic.
 * BTB_DELETE deletes a row; topics of events refuse it. To delete a row that is not there is no
 * fault and has no effect. */
typedef uint32_t btb_op;
enum { BTB_PUT = 0, BTB_DELETE = 1 };

/* One message. Borrowed, with all that it points to. */
typedef struct btb_message {
  uint32_t size; /* the same in all messages of a batch, at most 1024 */
  btb_op op;

  /* 1 to 255 bytes of UTF-8: up to 32 levels with "/" between them. No level is empty. No "+", no
   * "#", no control characters. Names that begin with "$" belong to the broker. The broker makes
   * the topic if it is not there. */
  btb_bytes topic;

  /* Up to 1024 bytes. In a state topic it names the row. The empty key names a row, too: messages
   * without a key replace each other there. */
  btb_bytes key;

  btb_bytes payload; /* up to limits.message_bytes (default 16 MiB); empty for BTB_DELETE */

  /* Microseconds since 1970-01-01 UTC. 0, negative, or in the future: the broker sets the time at
   * which it takes the message. */
  int64_t time_us;
} btb_message;

/* Flags of a batch. */
enum {
  /* The next batch belongs to this one: subscribers apply them together. The last batch of such a
   * series has no MORE, and may be empty. The broker ends a series itself when run ends, and in
   * each topic a minute after its first message: then subscribers apply what they have. */
  BTB_BATCH_MORE = 1u,

  /* With this batch the source has published all that it has since run began. The broker deletes
   * the state rows that an earlier run of this source published and this run did not, in topics
   * where nobody else publishes. It asks an operator first if these are all rows, or if they are at
   * least ten and more than 30 % of the rows. It keeps them all if a topic refused a message of
   * this run. Use it once in a run, not after records that could not be read. The batch may be
   * empty. */
  BTB_BATCH_COMPLETE = 2u,

  /* As COMPLETE, for a run in which records could not be read: the rows that did not come again may
   * be among these records. The broker shows how many there are. It keeps them until an operator
   * confirms the deletion, or until a COMPLETE follows. A broker that does not know this flag keeps
   * them. */
  BTB_BATCH_UNSURE = 4u
};

/* Messages that belong together: one poll, one transaction, one file. The broker takes a batch
 * whole or not at all. Borrowed. */
typedef struct btb_batch {
  uint32_t size;
  uint32_t flags;              /* BTB_BATCH_..., or 0 */
  const btb_message* messages; /* an array, stepped by messages[0].size; NULL if the count is 0 */
  size_t message_count;

  /* The place where run goes on after this batch, in a form of the plugin's own: up to 4096 bytes.
   * The broker stores it together with the batch. Empty: the last token stays. */
  btb_bytes resume_token;
} btb_batch;

/* A record that could not become a message. The broker publishes it in the topic $dead/SOURCE, as
 * JSON. Borrowed. */
typedef struct btb_dead_letter {
  uint32_t size;
  const char* reason;   /* "unclosed quote"; not NULL; the first 1024 bytes are kept */
  const char* location; /* file, table or URL; may be NULL; the first 1024 bytes are kept */
  uint64_t line;        /* from 1; 0: not known */
  uint64_t column;      /* from 1; 0: not known */
  uint64_t byte_offset; /* from the start of `location`, from 0 */
  btb_bytes raw;        /* the record as it came; the first 4096 bytes are kept */
} btb_dead_letter;

/* --- the host: the services of the broker for one source --- */

/* The level of a line in the broker's journal. */
typedef uint32_t btb_log_level;
enum { BTB_LOG_DEBUG = 0, BTB_LOG_INFO = 1, BTB_LOG_WARNING = 2, BTB_LOG_ERROR = 3 };

/* The state that a source reports of itself. It is STARTING until it reports another one. */
typedef uint32_t btb_source_state;
enum {
  BTB_STATE_STARTING = 0, /* after 10 seconds the journal says so */
  BTB_STATE_SNAPSHOT = 1, /* reading all there is */
  BTB_STATE_LIVE = 2,     /* complete, and watching for changes */
  BTB_STATE_DEGRADED = 3, /* goes on with what it has; the text says what is wrong */
  BTB_STATE_GUARD = 4     /* holds back a change too large to believe; the text says what to do */
};

/* Made by the broker, one for each life of a source. Valid from the beginning of create to the end
 * of destroy. Pass it as the first argument of each of its functions. No function is NULL. */
typedef struct btb_host btb_host;
struct btb_fault;
struct btb_host {
  uint32_t size;
  uint32_t abi_major; /* the version that this broker speaks; its minor may be above yours */
  uint32_t abi_minor;
  void* context; /* the broker's own; do not touch it */

  /* A capability by its versioned name ("btb.thread_check/1"), not NULL. Returns a struct that the
   * host owns and that lives as long as the source; NULL if this broker does not have it. [any] */
  const void* (*get_extension)(const btb_host* host, const char* id);

  /* Hands a batch over. Does not wait. The broker copies the batch before this returns. [source]
   *   BTB_OK       the batch was taken, whole
   *   BTB_AGAIN    nothing was taken: call wait, then publish the same batch again
   *   BTB_STOPPED  nothing was taken: return from run
   *   BTB_INVALID  nothing was taken: a rule is broken; `fault` (may be NULL) says where and which
   * The mailbox of a source holds limits.source_mailbox bytes (default 4 MiB). A larger batch is
   * taken if the mailbox is empty. A topic can still refuse a message that was taken: because the
   * topic is full, for example, or because it holds events and the message deletes. The message
   * then goes to $dead/SOURCE. The source is not told; operators see it as degraded. */
  btb_status (*publish)(const btb_host* host, const btb_batch* batch, struct btb_fault* fault);

  /* Reports a record that cannot become a message. Never blocks, never fails. Records beyond
   * limits.dead_letters_per_minute (default 600) are counted and not kept. [source] */
  void (*dead_letter)(const btb_host* host, const btb_dead_letter* letter);

  /* Sleeps until one of these: `timeout_ms` milliseconds have passed (negative: no limit, 0: does
   * not sleep); a stop, a pause or a resume was asked; after a BTB_AGAIN of publish, there is room.
   * Returns BTB_OK, also while paused, or BTB_STOPPED. It may call the functions of
   * btb_source_pause before it returns. [source] */
  btb_status (*wait)(const btb_host* host, int64_t timeout_ms);

  /* For sources that wait in a poll of their own: a descriptor that is readable while wait would
   * return at once. The host owns it. Only poll it, never read it; when it is readable, call
   * status. It stays readable after BTB_STOPPED. Negative if the process had no descriptor left:
   * use wait then. [source] */
  int (*wake_fd)(const btb_host* host);

  /* BTB_OK: go on. BTB_AGAIN: paused, publish nothing. BTB_STOPPED: end. Never blocks. It takes the
   * event that made wake_fd readable; on another thread it takes that event away from the source's
   * own wait. On the source's thread it may call the functions of btb_source_pause. [any] */
  btb_status (*status)(const btb_host* host);

  /* The state that operators see. The newest one counts. `text` may be NULL; its first 1024 bytes
   * are kept. A change is a line in the journal: a warning for DEGRADED and GUARD. [source] */
  void (*set_state)(const btb_host* host, btb_source_state state, const char* text);

  /* One line for the broker's journal; `broker.log_level` decides which levels it shows. `text` is
   * not NULL; its first 1024 bytes are kept. Never blocks: if more than 1000 lines wait for the
   * broker, further ones are dropped and counted. [any] */
  void (*log)(const btb_host* host, btb_log_level level, const char* text);

  /* The reason of a failure. Call it, then return NULL from create or BTB_FAILED from run: by
   * itself it ends nothing. `option` names the option at fault; NULL: none. Several reasons are
   * joined with "; ", up to about 1024 bytes; later ones are dropped. [source] */
  void (*fail)(const btb_host* host, const char* option, const char* text);

  /* The name of this source in the configuration. Lives as long as the source. [any] */
  const char* source_name;
};

/* The reason why publish answered BTB_INVALID. The source makes it and sets the size; the host
 * fills in the rest, and only then. */
typedef struct btb_fault {
  uint32_t size;
  size_t message_index; /* from 0; also 0 if the fault is in the batch itself */
  const char* text;     /* static in the broker; never NULL after BTB_INVALID */
} btb_fault;

/* Extension of the host, "btb.thread_check/1": lets a plugin check its own threads. */
#define BTB_EXTENSION_THREAD_CHECK "btb.thread_check/1"
typedef struct btb_thread_check {
  uint32_t size;
  int32_t (*is_source_thread)(const btb_host* host); /* 1: the caller is on it; else 0. [any] */
} btb_thread_check;

/* --- the plugin: the services that it offers --- */

/* One source, made by create. The plugin owns it. It stays valid and unchanged until destroy. The
 * host passes `self` to every function and does not look into it. */
typedef struct btb_source {
  uint32_t size;
  void* self;

  /* Publishes until one of these. Called once, after create. [source]
   *   BTB_OK       there is nothing more to come; the broker does not start it again
   *   BTB_STOPPED  the host said so; without that it counts as BTB_OK
   *   BTB_FAILED   it failed, after host->fail; no other value is allowed
   * After a failure the broker destroys the source. It makes a new one after `restart_delay`
   * (default 5 s), which doubles with each further failure, up to a minute. After a stop was asked,
   * run, interrupt and destroy together have limits.source_stop_timeout (default 5 s). Then the
   * broker gives the thread up, and the library stays in memory.
   *
   * The token is the last one that the broker took from this source; messages published after it
   * may come twice. It is empty at the first start, and after a restart of the broker. It may come
   * from an older version of the plugin: if it makes no sense, start anew. */
  btb_status (*run)(void* self, btb_bytes resume_token_borrowed);

  /* Ends a wait outside of host->wait: cancel the query, shut the socket down. Called when the
   * source has to stop, on another thread, once or often, also before run begins. It must not
   * block: the source is not destroyed before it returns. May be NULL. [any] */
  void (*interrupt)(void* self);

  /* Frees everything, itself included, and ends the threads that the source started: the library
   * may be unloaded after it. Called once. Not NULL, as run. [source] */
  void (*destroy)(void* self);

  /* A capability by its versioned name. Returns a struct that the source owns and that lives as
   * long as the source; NULL if there is none. May be NULL. [any] */
  const void* (*get_extension)(void* self, const char* id);
} btb_source;

/* Extension of a source, "btb.source.pause/1": for a source that gives back what it holds (a lock,
 * a transaction) while it is paused. The host calls both functions on the source's thread, from
 * inside host->wait or host->status; a test host also at the end of publish. They alternate, pause
 * first. A pause that ends before the source calls the host is not told; a stop may leave out the
 * resume. Either may be NULL. An exception from them fails the source. [source] */
#define BTB_EXTENSION_PAUSE "btb.source.pause/1"
typedef struct btb_source_pause {
  uint32_t size;
  void (*pause)(void* self);
  void (*resume)(void* self);
} btb_source_pause;

/* The host's function for one fault in the settings: the option (NULL: all of them together) and
 * what is wrong with it. Call it on the thread on which validate or examine was called, with its
 * `context`, as often as there are faults, and not after that function has returned. It copies both
 * texts. */
typedef void (*btb_report)(void* context, const char* option, const char* text);

/* The description of a plugin. Static, and unchanged as long as the library is loaded. */
typedef struct btb_plugin {
  uint32_t size;
  uint32_t abi_major; /* BTB_ABI_MAJOR and BTB_ABI_MINOR of the header that it was built with */
  uint32_t abi_minor;
  const char* name;        /* "csv"; the same characters as in the name of an option */
  const char* version;     /* "0.1.0"; free text for people, never empty */
  const char* description; /* one line, never empty */

  /* The declarations: option_count of them, at most 256. NULL if there are none. */
  const btb_option* const* options;
  size_t option_count;

  /* Looks for faults that the declarations cannot express ("key: no such column"). The result is
   * what it reports: each report is an error of the configuration. Pure: no files, no network,
   * quick. Required options are always there. An option with a faulty value has its default
   * instead, and the host leaves out reports about it. `settings` may be NULL if the count is 0.
   * May be NULL. [any] */
  void (*validate)(const btb_setting* settings, size_t setting_count, btb_report report,
                   void* context);

  /* Makes a source. Returns NULL after host->fail: then the broker tries again later, as after a
   * run that failed. `settings` are borrowed and lie in an array, stepped by settings[0].size; they
   * have passed validate. `host` lives until destroy returns. It may block; a stop that comes
   * meanwhile is told by host->status. Not NULL. [source] */
  const btb_source* (*create)(const btb_host* host, const btb_setting* settings,
                              size_t setting_count);

  /* A capability of the plugin by its versioned name. Returns a static struct, NULL if there is
   * none. May be NULL. Since minor 1. [any] */
  const void* (*get_extension)(const char* id);
} btb_plugin;

/* Extension of a plugin, "btb.plugin.examine/1": looks at the files, tables and hosts that the
 * settings name, as they are now. Is the file there and readable? Does it have the columns that are
 * named? `btbroker --check`, which runs no source, calls it with settings that passed validate. The
 * result is what it reports: the things that a source would miss if it began now. Each report is a
 * warning, because the missing thing may still come. The function changes nothing outside, and
 * takes a few seconds at most. The arguments are those of validate. Since minor 1. [any] */
#define BTB_EXTENSION_EXAMINE "btb.plugin.examine/1"
typedef struct btb_plugin_examine {
  uint32_t size;
  void (*examine)(const btb_setting* settings, size_t setting_count, btb_report report,
                  void* context);
} btb_plugin_examine;

/* The kind of a topic. Events: a sequence in which each message counts. State: a table of rows;
 * only the newest message of each key counts. */
typedef uint32_t btb_topic_kind;
enum { BTB_KIND_EVENTS = 1, BTB_KIND_STATE = 2 };

/* The host's function for one declaration: a filter for topics that a source makes, and their kind.
 * In the filter "ward/+/beds" the "+" is one level; "#" at the end is all levels that follow. The
 * host copies the filter, and ignores a declaration with a faulty filter or kind. Call it only
 * inside of `topics`, on its thread, with its `context`. */
typedef void (*btb_declare_topics)(void* context, const char* filter, btb_topic_kind kind);

/* Extension of a plugin, "btb.plugin.topics/1": declares the topics that a source with these
 * settings makes, and their kind. A rule of the configuration that names a kind goes first;
 * `btbroker --check` and the journal say where the two disagree. Of several declarations the
 * narrowest filter counts. Topics that are not declared are events. A declaration also counts for
 * topics that others make, if the first level of its filter is neither "+" nor "#". Pure and quick.
 * The host ignores declarations after the first 1000, and all of them if an exception comes out.
 * The settings passed validate. Since minor 1. [any] */
#define BTB_EXTENSION_TOPICS "btb.plugin.topics/1"
typedef struct btb_plugin_topics {
  uint32_t size;
  void (*topics)(const btb_setting* settings, size_t setting_count, btb_declare_topics declare,
                 void* context);
} btb_plugin_topics;

/* Makes the entry point visible in a library that hides its other symbols. */
#if defined(__GNUC__)
#define BTB_EXPORT __attribute__((visibility("default")))
#else
#define BTB_EXPORT
#endif

/* The one exported symbol. `majors` are the ABI majors that this broker speaks, borrowed. Returns a
 * description in one of them, or NULL if the plugin speaks none of them: then the broker refuses
 * the plugin. The description is static and lives as long as the library is loaded. May be called
 * often, and returns the same pointer each time. [load] */
BTB_EXPORT const btb_plugin* btb_plugin_entry(const uint32_t* majors, size_t major_count);
typedef const btb_plugin* (*btb_plugin_entry_function)(const uint32_t* majors, size_t major_count);

#ifdef __cplusplus
}
#endif

#endif /* BTB_SDK_PLUGIN_ABI_H */
