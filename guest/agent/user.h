/* Users of the image, from its own /etc/passwd and /etc/group: a static program has no NSS. */
#ifndef BG_AGENT_USER_H
#define BG_AGENT_USER_H

#include <sys/types.h>

enum { BG_GROUPS = 64 };

struct bg_user {
    char name[64], home[256], shell[128];
    uid_t uid;
    gid_t gid;
    gid_t groups[BG_GROUPS]; /* gid is the first */
    int group_count;         /* 0: it is who we are, with the groups that we have */
};

/* USER or USER:GROUP, each by name, or by number with or without an entry (then a user's home is /
 * and the shell /bin/sh). With GROUP that is the only one; else they are the user's. 0 or -ENOENT. */
int bg_user_find(const char *who, struct bg_user *ret);
/* Reads root's entry ahead, which bg_user_find("0") takes as long as /etc/passwd is the same. */
void bg_user_prepare(void);
/* Becomes the user for good. Nothing when that is who we are. */
int bg_user_become(const struct bg_user *user);

#endif
