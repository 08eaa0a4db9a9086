/* The scripted engine needs its script, beside the program that reads it. */
#include "../jailer/fail.h"
#include "../jailer/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

void bg_jail_runtime(const struct bg_plan *plan)
{
    char path[PATH_MAX + 8];
    struct stat st;
    (void)snprintf(path, sizeof path, "%.*s/script", (int)(plan->exec_name - 1 - plan->exec_path),
                   plan->exec_path);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0 && errno == ENOENT)
        return;
    int to = open("script", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (from < 0 || to < 0 || fstat(from, &st) < 0 ||
        sendfile(to, from, NULL, (size_t)st.st_size) != st.st_size)
        bg_die_path("Failed to copy", "Copy", path, errno);
    close(from);
    close(to);
}
