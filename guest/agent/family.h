/* All processes that a command has started, also those that left its process group: a cgroup. */
#ifndef BG_AGENT_FAMILY_H
#define BG_AGENT_FAMILY_H

struct bg_family {
    int dir; /* -1: the guest has no cgroup v2, and there is nothing but the process group */
    char path[64];
};

/* Makes one ahead for the next bg_family_make; bg_family_unprepare removes it when none came. */
void bg_family_prepare(void);
void bg_family_unprepare(void);

/* An empty one. Those that ended commands have left behind and that are empty by now are removed. */
struct bg_family bg_family_make(void);

/* KILL for all that are in it. */
void bg_family_kill(const struct bg_family *family);

/* Forgets it; it goes, unless somebody is still in it. */
void bg_family_leave(struct bg_family *family);

#endif
