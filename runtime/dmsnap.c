/*
 * dm-snapshot's status line and the size of its persistent store
 * (drivers/md/dm-snap-persistent.c).
 */
#include "dmsnap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

static const struct {
    const char *text;
    enum bg_dmsnap_state state;
} words[] = {
    {"Invalid", BG_DMSNAP_INVALID},
    {"Overflow", BG_DMSNAP_OVERFLOW},
    {"Merge failed", BG_DMSNAP_MERGE_FAILED},
};

/*
 * Behind "snapshot " or "snapshot-merge ", or the whole line where the target's name is not in
 * it.
 */
static const char *parameters(const char *line)
{
    static const char *const targets[] = {" snapshot ", " snapshot-merge "};

    for (size_t i = 0; i < BG_COUNT(targets); i++) {
        const char *found = strstr(line, targets[i]);
        if (found != NULL)
            return found + strlen(targets[i]);
    }
    return line;
}

int bg_dmsnap_parse_status(const char *line, struct bg_dmsnap_status *ret_status,
                           struct bg_err *err)
{
    struct bg_dmsnap_status status = {.state = BG_DMSNAP_OK};
    const char *text = parameters(line);
    uint64_t metadata;
    int end = 0;

    for (size_t i = 0; i < BG_COUNT(words); i++) {
        size_t length = strlen(words[i].text);
        if (strncmp(text, words[i].text, length) == 0 &&
            text[length + strspn(text + length, "\n ")] == '\0') {
            ret_status->state = words[i].state;
            return 0;
        }
    }
    /* Sectors used / sectors in all, then sectors of metadata. */
    if (sscanf(text, "%" SCNu64 "/%" SCNu64 " %" SCNu64 " %n", &status.used, &status.total,
               &metadata, &end) != 3 ||
        text[end] != '\0' || status.used > status.total)
        return bg_fail(err, "dm.malformed", "not a status of a snapshot: %.100s", line);
    *ret_status = status;
    return 0;
}

uint64_t bg_dmsnap_store_size(uint64_t origin_bytes)
{
    const uint64_t chunk = BG_DMSNAP_CHUNK_SECTORS * 512;
    /*
     * An exception is 16 bytes, and one chunk of them precedes the data chunks that it
     * describes.
     */
    const uint64_t exceptions = chunk / 16;
    uint64_t data = (origin_bytes + chunk - 1) / chunk;
    /*
     * When the last area fills, the kernel prepares the next one, so there is always one more
     * than is full.
     */
    uint64_t areas = data / exceptions + 1;

    return (1 + areas + data) * chunk; /* 1: the header */
}
