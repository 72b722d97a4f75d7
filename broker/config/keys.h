// The tables of keys, one table for each section of a configuration. Each key says how its value is
// read and checked, and how it is printed. The configuration is read, printed and compared from
// these tables. Functions; [any] thread.
#pragma once

#include "broker/config/reader.h"

namespace btb {

ConfigKeys<BrokerConfig> broker_keys();
ConfigKeys<LimitsConfig> limits_keys();
ConfigKeys<ListenerConfig> listener_keys();
ConfigKeys<SourceConfig> source_keys();
// `kind` is the first key, because the values that the others may have depend on it.
ConfigKeys<TopicRule> topic_keys();
ConfigKeys<TopicOptions> keep_keys();

// A YAML node as the value of a plugin's option.
host::WrittenValue written_value(const YamlNode& node);

}  // namespace btb
