/* What the files of the hostile suite share (hostile.c says what it is). */
#ifndef BANGER_HELPER_TEST_HOSTILE_H
#define BANGER_HELPER_TEST_HOSTILE_H
#include "talk.h"

#define SOCKET  "/run/banger-root-hostile/helper.sock"
#define STATE   "/var/lib/banger-root/hostile"
#define VM      "hostile1"
#define OWNER   65534
#define SEED_OK 1000
extern bg_t_DIGEST base; /* an admitted one */
extern uint32_t subnet;

extern const char *helper_socket; /* whom ask() asks */
int program(const char *name, const char *a, const char *b,
            const char *c); /* of the build; its status */

void ok(bool good, const char *what); /* one test */
bool as(uid_t uid, bool (*fn)(void)); /* run fn as uid in a process of its own; its truth */

/* One request; the code, or -1 when there is no answer. Fds of the reply are closed but for ret_fd. */
int ask(uint32_t op, const void *args, size_t size, union bg_results *ret, int *ret_fd);
#define ASK(name, ...)                                                                             \
    ask(BG_OP_##name, &(struct bg_args_##name){__VA_ARGS__}, sizeof(struct bg_args_##name), NULL,  \
        NULL)
#define ASK_FD(fd, name, ...)                                                                      \
    ask(BG_OP_##name, &(struct bg_args_##name){__VA_ARGS__}, sizeof(struct bg_args_##name), NULL,  \
        fd)
#define ASK_RES(res, name, ...)                                                                    \
    ask(BG_OP_##name, &(struct bg_args_##name){__VA_ARGS__}, sizeof(struct bg_args_##name), res,   \
        NULL)
#define ID .vm = {VM}

void before_a_vm(void);               /* hostile_requests.c */
void by_class(uid_t uid, pid_t pid);  /* hostile_class.c; the VM runs */
void races(uid_t uid, int tries);     /* hostile_race.c; the VM runs */
void snapshots(uid_t uid, int tries); /* hostile_snap.c; the VM runs */
/* A process that does fn for ever in a folder, as uid; it ends with us, or by rival_end. */
pid_t rival(uid_t uid, const char *folder, void (*fn)(void));
void rival_end(pid_t pid);
void two_instances(uid_t uid); /* hostile_two.c; the VM runs */
int spawn(uint32_t engine, uint32_t cpus, uint32_t memory, size_t seed_size); /* jail_spawn */
bool tap_made(void);
#endif
