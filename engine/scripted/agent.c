#include "agent.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { HELLO = 0, HOLD = 9, WAKE = 10, RESULT = 126, HEADER = 5 };

static size_t put_u32(char *to, size_t v)
{
    for (int i = 0; i < 4; i++)
        to[i] = (char)(v >> (24 - 8 * i));
    return 4;
}

static size_t put_frame(char *to, int type, const char *payload, size_t n)
{
    put_u32(to, n);
    to[4] = (char)type;
    memcpy(to + HEADER, payload, n);
    return HEADER + n;
}

static size_t put_field(char *to, int tag, const char *bytes, size_t n)
{
    to[0] = (char)tag;
    put_u32(to + 1, n);
    memcpy(to + HEADER, bytes, n);
    return HEADER + n;
}

size_t scripted_agent(const char *request, size_t n, const char *boot_id,
                      char answer[SCRIPTED_ANSWER])
{
    char protocol[4], hello[64], result[80];
    if (n < HEADER || (request[4] != HOLD && request[4] != WAKE))
        return 0;
    put_u32(protocol, 1);
    size_t size = put_field(hello, 1, protocol, sizeof protocol);
    size += put_field(hello + size, 2, boot_id, strlen(boot_id));
    size_t at = put_frame(answer, HELLO, hello, size);
    int lines = request[4] == WAKE ? snprintf(result, sizeof result,
                                              "boot_id %s\nother 0\nclock_within_us 0\n", boot_id)
                                   : 0;
    return at + put_frame(answer + at, RESULT, result, (size_t)lines);
}
