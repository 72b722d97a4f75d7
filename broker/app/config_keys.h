// The keys of every section of a configuration, each in one place: how it is read, what it may be,
// how it is printed.
#pragma once

#include "broker/app/config_reader.h"

namespace btb {

ConfigKeys<BrokerConfig> broker_keys();
ConfigKeys<LimitsConfig> limits_keys();
ConfigKeys<ListenerConfig> listener_keys();
ConfigKeys<SourceConfig> source_keys();
// `kind` comes first: what the others may be depends on it.
ConfigKeys<TopicRule> topic_keys();
ConfigKeys<TopicOptions> keep_keys();

// Any YAML as the value of an option.
host::WrittenValue written_value(const YamlNode& node);

}  // namespace btb
