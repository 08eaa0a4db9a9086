/*
 * Values of the helper's wire types from and to numbers and text. What an id may hold is
 * wire.c's to check.
 */
#include "privc.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define EXACT_MAX 0x1p53 /* beyond it a double skips integers */

/* The integers that a numeric type holds; false for a type that is text. */
static bool range_of(enum bg_type type, double *ret_min, double *ret_max)
{
    *ret_min = type == BG_T_I32 ? (double)INT32_MIN : 0;
    switch (type) {
    case BG_T_SLOT:
        *ret_max = BG_SLOT_MAX;
        return true;
    case BG_T_U32:
        *ret_max = UINT32_MAX;
        return true;
    case BG_T_U64:
        *ret_max = EXACT_MAX;
        return true;
    case BG_T_I32:
    case BG_T_FD:
    case BG_T_OPTFD:
        *ret_max = INT32_MAX;
        return true;
    default:
        return false;
    }
}

bool bg_priv_is_number(enum bg_type type)
{
    double min, max;

    return range_of(type, &min, &max);
}

bool bg_priv_from_number(enum bg_type type, double number, void *value)
{
    double min, max;

    if (!range_of(type, &min, &max) || !(number >= min && number <= max) ||
        number != (double)(int64_t)number)
        return false;
    if (type == BG_T_U64)
        *(uint64_t *)value = (uint64_t)number;
    else if (type == BG_T_I32 || type == BG_T_FD || type == BG_T_OPTFD)
        *(int32_t *)value = (int32_t)number;
    else
        *(uint32_t *)value = (uint32_t)number;
    return true;
}

static bool from_hex(const char *text, size_t size, uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";

    if (size != 2 * count)
        return false;
    for (size_t i = 0; i < size; i++) {
        const char *digit = text[i] != '\0' ? strchr(digits, text[i]) : NULL;
        if (digit == NULL)
            return false;
        bytes[i / 2] = (uint8_t)(bytes[i / 2] << 4 | (digit - digits));
    }
    return true;
}

static bool from_name(enum bg_type type, const char *text, uint32_t *value)
{
    size_t count;
    const struct bg_enum_value *values = bg_type_values(type, &count);

    for (size_t i = 0; values != NULL && i < count; i++) {
        if (strcmp(values[i].name, text) == 0) {
            *value = values[i].number;
            return true;
        }
    }
    return false;
}

static bool copy_text(const char *text, size_t size, char *to, size_t capacity)
{
    if (size >= capacity)
        return false;
    memset(to, 0, capacity);
    memcpy(to, text, size);
    return true;
}

bool bg_priv_from_text(enum bg_type type, const char *text, size_t size, void *value)
{
    struct in_addr address;

    if (strlen(text) != size)
        return false;
    switch (type) {
    case BG_T_VMID:
        return copy_text(text, size, value, sizeof(bg_t_VMID));
    case BG_T_JAILID:
        return copy_text(text, size, value, sizeof(bg_t_JAILID));
    case BG_T_NAME:
        return copy_text(text, size, value, sizeof(bg_t_NAME));
    case BG_T_DIGEST:
        return from_hex(text, size, value, sizeof(bg_t_DIGEST));
    case BG_T_BOOTID:
        return from_hex(text, size, value, sizeof(bg_t_BOOTID));
    case BG_T_IPV4:
        if (inet_pton(AF_INET, text, &address) != 1)
            return false;
        *(bg_t_IPV4 *)value = ntohl(address.s_addr);
        return true;
    default:
        return from_name(type, text, value);
    }
}

/* "one of a, b, c" */
static void list_names(enum bg_type type, char ret_text[static 128])
{
    size_t count, used = (size_t)snprintf(ret_text, 128, "one of");
    const struct bg_enum_value *values = bg_type_values(type, &count);

    for (size_t i = 0; values != NULL && i < count && used < 128; i++)
        used += (size_t)snprintf(ret_text + used, 128 - used, "%s %s", i > 0 ? "," : "",
                                 values[i].name);
}

void bg_priv_expects(enum bg_type type, char ret_text[static 128])
{
    double min, max;
    const char *text = NULL;

    if (range_of(type, &min, &max)) {
        snprintf(ret_text, 128, "a whole number from %.0f to %.0f", min, max);
        return;
    }
    switch (type) {
    case BG_T_VMID:
        text = "8 characters a-z 0-9";
        break;
    case BG_T_JAILID:
        text = "16 characters a-z 0-9";
        break;
    case BG_T_NAME:
        text = "at most 16 characters a-z 0-9 -";
        break;
    case BG_T_DIGEST:
        text = "64 hex digits in lower case";
        break;
    case BG_T_BOOTID:
        text = "32 hex digits in lower case";
        break;
    case BG_T_MAC:
        text = "a MAC address (as a result only)";
        break;
    case BG_T_IPV4:
        text = "an IPv4 address such as 10.1.2.3";
        break;
    default:
        list_names(type, ret_text);
        return;
    }
    snprintf(ret_text, 128, "%s", text);
}

double bg_priv_to_number(enum bg_type type, const void *value)
{
    switch (type) {
    case BG_T_U64:
        return (double)*(const uint64_t *)value;
    case BG_T_I32:
    case BG_T_FD:
    case BG_T_OPTFD:
        return *(const int32_t *)value;
    default:
        return *(const uint32_t *)value;
    }
}

static void to_hex(const uint8_t *bytes, size_t count, char *to)
{
    for (size_t i = 0; i < count; i++)
        snprintf(to + 2 * i, 3, "%02x", bytes[i]);
}

void bg_priv_to_text(enum bg_type type, const void *value, char ret_text[static BG_PRIV_TEXT])
{
    const uint8_t *bytes = value;
    struct in_addr address;
    const struct bg_enum_value *values;
    size_t count;

    ret_text[0] = '\0';
    switch (type) {
    case BG_T_VMID:
    case BG_T_JAILID:
    case BG_T_NAME:
        snprintf(ret_text, BG_PRIV_TEXT, "%s", (const char *)value);
        return;
    case BG_T_DIGEST:
        to_hex(bytes, sizeof(bg_t_DIGEST), ret_text);
        return;
    case BG_T_BOOTID:
        to_hex(bytes, sizeof(bg_t_BOOTID), ret_text);
        return;
    case BG_T_MAC:
        snprintf(ret_text, BG_PRIV_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1],
                 bytes[2], bytes[3], bytes[4], bytes[5]);
        return;
    case BG_T_IPV4:
        address.s_addr = htonl(*(const bg_t_IPV4 *)value);
        inet_ntop(AF_INET, &address, ret_text, BG_PRIV_TEXT);
        return;
    default:
        values = bg_type_values(type, &count);
        for (size_t i = 0; values != NULL && i < count; i++)
            if (values[i].number == *(const uint32_t *)value)
                snprintf(ret_text, BG_PRIV_TEXT, "%s", values[i].name);
    }
}
