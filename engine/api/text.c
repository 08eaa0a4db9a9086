/* See text.h. The kinds are those of std::io::ErrorKind that an engine can meet. */
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *bg_os_error(int error)
{
    static char text[256];
    (void)snprintf(text, sizeof text, "%s (os error %d)", strerror(error), error);
    return text;
}

static const char *kind(int error)
{
    switch (error) {
    case ENOENT:
        return "NotFound";
    case EACCES:
    case EPERM:
        return "PermissionDenied";
    case EEXIST:
        return "AlreadyExists";
    case EINVAL:
        return "InvalidInput";
    case ETXTBSY:
        return "ExecutableFileBusy";
    case ELOOP:
        return "FilesystemLoop";
    case EISDIR:
        return "IsADirectory";
    case ENOTDIR:
        return "NotADirectory";
    case EADDRINUSE:
        return "AddrInUse";
    case EBUSY:
        return "ResourceBusy";
    case ENOSPC:
        return "StorageFull";
    case EROFS:
        return "ReadOnlyFilesystem";
    default:
        return "Uncategorized";
    }
}

const char *bg_os_error_debug(int error)
{
    static char text[256];
    (void)snprintf(text, sizeof text, "Os { code: %d, kind: %s, message: \"%s\" }", error,
                   kind(error), strerror(error));
    return text;
}
