#include "plugins/csv/csv_source.h"

BTB_SOURCE_PLUGIN(btb::csv::CsvSource, "csv", "0.1.0",
                  "Rows of CSV files as topics: tables, logs and lists of changes")
