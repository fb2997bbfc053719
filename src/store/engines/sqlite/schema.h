// The tables of the configuration and how an older file becomes a current one. The tables and
// every version of them: docs/formats/config.md.
#pragma once
#include "store/engines/sqlite/database.h"

namespace posthorn::store::sqlite {

// Brings the file to the newest version, one transaction for each step. kUnsupported when it is
// newer than this program, kCorrupt when it holds other tables.
Status migrate(Database& database);

// What migrate() makes of a file; grows by one with each change of the tables.
int64_t schema_version();

}  // namespace posthorn::store::sqlite
