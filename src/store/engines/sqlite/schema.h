// The tables of the configuration and how an older file becomes a current one. The tables and
// every version of them: docs/formats/config.md.
#pragma once
#include <span>
#include <string_view>

#include "store/engines/sqlite/database.h"

namespace posthorn::store::sqlite {

// Brings the file to the newest version, one transaction for each step. kUnsupported when it is
// newer than this program, kCorrupt when it holds other tables.
Status migrate(Database& database);
// The same with other steps, for tests: step N (from 1) is SQL that brings version N-1 to N.
Status migrate(Database& database, std::span<const std::string_view> steps);

// Those of this program; there is one more with each change of the tables.
std::span<const std::string_view> schema_steps();

}  // namespace posthorn::store::sqlite
