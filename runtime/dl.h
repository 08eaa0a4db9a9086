/*
 * Libraries that are loaded at first use, because linking libcurl, OpenSSL and SQLite would
 * cost 4 ms and 6 MiB at every start. A library once loaded stays.
 */
#ifndef BG_DL_H
#define BG_DL_H

#include <stddef.h>

#include "err.h"

/*
 * Each user keeps a struct of function pointers, built by X-macro so that the types are the
 * header's own:
 *
 *   #define FUNCTIONS(X) X(sqlite3_open_v2) X(sqlite3_step)
 *   static struct { FUNCTIONS(BG_DL_SLOT) } lib;
 *   static const char *const names[] = {FUNCTIONS(BG_DL_NAME)};
 *   bg_dl_load("libsqlite3.so.0", names, BG_COUNT(names), &lib, err);
 */
#define BG_DL_SLOT(name) __typeof__(&name) name;
#define BG_DL_NAME(name) #name,

/*
 * Load `library` and fill `slots` with the functions in the order of `names`. Called again it
 * does nothing. Thread-safe. Fails with code "rt.library_missing", naming what to install is up
 * to codes.lua.
 */
int bg_dl_load(const char *library, const char *const *names, size_t count, void *slots,
               struct bg_err *err);

#endif
