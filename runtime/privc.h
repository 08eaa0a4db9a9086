/*
 * The runtime's side of the helper's interface: values of helper/ops.def as a script writes
 * them. The messages themselves are wire_client.h.
 *
 *   VMID JAILID NAME      the text                  DIGEST BOOTID   hex digits, lower case
 *   IPV4                  "10.1.2.3"                MAC             "02:b6:0a:01:02:03"
 *   enums                 the value's name          SLOT U32 U64 I32 FD OPTFD   numbers
 */
#ifndef BG_PRIVC_H
#define BG_PRIVC_H

#include <stdbool.h>

#include "wire_client.h"

#define BG_PRIV_TEXT 65 /* the longest text of a value, with NUL: a digest */

/* Whether values of this type are numbers; all others are text. */
bool bg_priv_is_number(enum bg_type type);

/*
 * Fill `value` (a bg_t_<type>) from what a script gave. False when it does not fit;
 * bg_priv_expects() tells what would.
 */
bool bg_priv_from_number(enum bg_type type, double number, void *value);
bool bg_priv_from_text(enum bg_type type, const char *text, size_t size, void *value);

/*
 * "a whole number from 0 to 4091", "64 hex digits in lower case", "one of auto, dm, reflink,
 * copy".
 */
void bg_priv_expects(enum bg_type type, char ret_text[static 128]);

/* The other way. Numbers are exact up to 2^53. */
double bg_priv_to_number(enum bg_type type, const void *value);
void bg_priv_to_text(enum bg_type type, const void *value, char ret_text[static BG_PRIV_TEXT]);

#endif
