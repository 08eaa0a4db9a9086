#include "copy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user.h"

enum entry_tag { PATH = 1, KIND = 2, MODE = 3, MTIME = 4, SIZE = 5, TARGET = 6 };
enum copy_tag { COPY_PATH = 1, COPY_USER = 2, COPY_NAME = 3, COPY_FOLLOW = 4, IGNORABLE = 128 };

static bool copy_text(const struct bg_field *f, char *to, size_t max)
{
    if (f->size >= max || memchr(f->bytes, '\0', f->size))
        return false;
    memcpy(to, f->bytes, f->size);
    to[f->size] = '\0';
    return true;
}

static bool is_plain(const char *path)
{
    if (path[0] == '\0')
        return true;
    for (const char *p = path;; p++) {
        size_t n = strcspn(p, "/");
        if (n == 0 || n > 255 || (n == 1 && p[0] == '.') || (n == 2 && memcmp(p, "..", 2) == 0))
            return false;
        p += n;
        if (*p == '\0')
            return true;
    }
}

static bool take_entry_field(const struct bg_field *f, struct bg_entry *e)
{
    uint64_t v = 0;
    switch (f->tag) {
    case PATH:
        return copy_text(f, e->path, sizeof e->path);
    case KIND:
        e->kind = f->size == 1 ? (char)f->bytes[0] : 0;
        return e->kind == 'd' || e->kind == 'f' || e->kind == 'l' || e->kind == 'm';
    case MODE:
        if (!bg_field_number(f, &v) || v > 07777)
            return false;
        e->mode = (mode_t)v;
        return true;
    case MTIME:
        if (!bg_field_number(f, &v))
            return false;
        e->mtime = (struct timespec){.tv_sec = (time_t)(v / 1000000000),
                                     .tv_nsec = (long)(v % 1000000000)};
        return true;
    case SIZE:
        return bg_field_number(f, &e->size) && e->size <= INT64_MAX;
    case TARGET:
        return copy_text(f, e->target, sizeof e->target) && f->size > 0;
    default:
        return f->tag >= IGNORABLE;
    }
}

int bg_entry_parse(const uint8_t *payload, size_t size, struct bg_entry *ret)
{
    struct bg_fields fields = {payload, size};
    struct bg_field f;
    int r;
    *ret = (struct bg_entry){.mtime.tv_nsec = -1};
    while ((r = bg_fields_next(&fields, &f)) > 0)
        if (!take_entry_field(&f, ret))
            return -EBADMSG;
    if (r < 0 || ret->kind == 0 || !is_plain(ret->path) || (ret->kind == 'l' && !ret->target[0]))
        return -EBADMSG;
    return 0;
}

int bg_entry_send(struct bg_session *s, const struct bg_entry *e)
{
    static uint8_t bytes[2 * BG_PATH + 128];
    struct bg_payload p = {.bytes = bytes, .max = sizeof bytes};
    bg_payload_text(&p, PATH, e->path);
    bg_payload_field(&p, KIND, &e->kind, 1);
    bg_payload_u32(&p, MODE, e->mode);
    bg_payload_u64(&p, MTIME, (uint64_t)e->mtime.tv_sec * 1000000000 + (uint64_t)e->mtime.tv_nsec);
    if (e->kind == 'f')
        bg_payload_u64(&p, SIZE, e->size);
    if (e->kind == 'l')
        bg_payload_text(&p, TARGET, e->target);
    return bg_session_send(s, BG_F_ENTRY, bytes, p.size);
}

int bg_copy_begin(struct bg_session *s, struct bg_copy_request *ret)
{
    struct bg_fields fields = {s->payload, s->size};
    struct bg_field f;
    static struct bg_user user;
    char who[64] = "0";
    int r;
    *ret = (struct bg_copy_request){0};
    while ((r = bg_fields_next(&fields, &f)) > 0) {
        bool good = f.tag >= IGNORABLE;
        if (f.tag == COPY_PATH)
            good = copy_text(&f, ret->path, sizeof ret->path);
        else if (f.tag == COPY_USER)
            good = copy_text(&f, who, sizeof who);
        else if (f.tag == COPY_NAME)
            good = copy_text(&f, ret->name, sizeof ret->name) && is_plain(ret->name) &&
                   !strchr(ret->name, '/');
        else if (f.tag == COPY_FOLLOW)
            ret->follow = good = true;
        if (!good)
            return -EBADMSG;
    }
    if (r < 0 || !ret->path[0])
        return -EBADMSG;
    r = bg_user_find(who, &user);
    return r < 0 ? r : bg_user_become(&user);
}
