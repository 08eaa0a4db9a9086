/* dlopen at first use. The first slot is filled last, so a filled first slot means that all are. */
#include "dl.h"

#include <dlfcn.h>
#include <pthread.h>

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static int load(const char *library, const char *const *names, size_t count, void **slots,
                struct bg_err *err)
{
    void *handle;

    if (slots[0] != NULL)
        return 0;
    handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        return bg_fail(err, "rt.library_missing", "%s", dlerror());
    for (size_t i = count; i-- > 0;) {
        void *symbol = dlsym(handle, names[i]);
        if (symbol == NULL)
            return bg_fail(err, "rt.library_missing", "%s has no function %s", library, names[i]);
        slots[i] = symbol;
    }
    return 0;
}

int bg_dl_load(const char *library, const char *const *names, size_t count, void *slots,
               struct bg_err *err)
{
    int r;

    pthread_mutex_lock(&loading);
    r = load(library, names, count, slots, err);
    pthread_mutex_unlock(&loading);
    return r;
}
